/*
 * GMime 3, which builds messages and sends none: the mail of 10 KiB that ours.c builds, from nothing to
 * its bytes.
 */
#include "common.h"

#include <gmime/gmime.h>

static GMimeObject *text(const char *subtype, const char *content)
{
    GMimeTextPart *part = g_mime_text_part_new_with_subtype(subtype);
    g_mime_text_part_set_charset(part, "utf-8");
    g_mime_text_part_set_text(part, content);
    g_mime_part_set_content_encoding(GMIME_PART(part), GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE);
    return GMIME_OBJECT(part);
}

static GMimeObject *attachment(void)
{
    GMimePart *part = g_mime_part_new_with_type("application", "octet-stream");
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(table, sizeof table);
    GMimeDataWrapper *content = g_mime_data_wrapper_new_with_stream(stream, GMIME_CONTENT_ENCODING_DEFAULT);
    g_mime_part_set_content(part, content);
    g_mime_part_set_filename(part, "größe.bin");
    g_mime_part_set_content_encoding(part, GMIME_CONTENT_ENCODING_BASE64);
    g_object_unref(content);
    g_object_unref(stream);
    return GMIME_OBJECT(part);
}

static void add(GMimeMultipart *to, GMimeObject *part)
{
    g_mime_multipart_add(to, part);
    g_object_unref(part);
}

static void build(long count)
{
    size_t length = 0;
    for (long i = 0; i < count; i++) {
        GMimeMessage *mail = g_mime_message_new(TRUE);
        g_mime_message_add_mailbox(mail, GMIME_ADDRESS_TYPE_FROM, "Überwachung", "monitor@example.org");
        g_mime_message_add_mailbox(mail, GMIME_ADDRESS_TYPE_TO, "Jörg Müller", "joerg@example.org");
        g_mime_message_set_subject(mail, "Platte auf db1 läuft über", "utf-8");
        GDateTime *now = g_date_time_new_now_local();
        g_mime_message_set_date(mail, now);
        g_date_time_unref(now);
        char *id = g_mime_utils_generate_message_id("example.org");
        g_mime_message_set_message_id(mail, id);
        g_free(id);
        GMimeMultipart *both = g_mime_multipart_new_with_subtype("alternative");
        add(both, text("plain", letter));
        add(both, text("html", page));
        GMimeMultipart *whole = g_mime_multipart_new_with_subtype("mixed");
        add(whole, GMIME_OBJECT(both));
        add(whole, attachment());
        g_mime_message_set_mime_part(mail, GMIME_OBJECT(whole));
        g_object_unref(whole);
        GByteArray *bytes = g_byte_array_new();
        GMimeStream *stream = g_mime_stream_mem_new_with_byte_array(bytes);
        GMimeFormatOptions *options = g_mime_format_options_clone(NULL);
        g_mime_format_options_set_newline_format(options, GMIME_NEWLINE_FORMAT_DOS);
        g_mime_object_write_to_stream(GMIME_OBJECT(mail), options, stream);
        length = bytes->len;
        g_mime_format_options_free(options);
        g_object_unref(stream);
        g_object_unref(mail);
    }
    if (length < 9000 || length > 16000)
        die("not of 10 KiB");
}

int main(int count, char **arguments)
{
    parse_options(count, arguments);
    g_mime_init();
    make_parts();
    return run(build);
}
