/* libcurl's easy interface, one handle for all messages, so that it keeps the connection; sessions of
   TLS are shared, so that it resumes them. */
#include "common.h"

#include <curl/curl.h>

static size_t offset;
static CURLSH *share;

static size_t give(char *buffer, size_t size, size_t count, void *unused)
{
    (void)unused;
    size_t room = size * count, left = message_length - offset;
    size_t here = left < room ? left : room;
    memcpy(buffer, message + offset, here);
    offset += here;
    return here;
}

static CURL *new_handle(struct curl_slist **list)
{
    char url[64], sender[80];
    CURL *curl = curl_easy_init();
    snprintf(url, sizeof url, "%s://127.0.0.1:%d/bench.example.org", bench.tls_first ? "smtps" : "smtp", bench.port);
    snprintf(sender, sizeof sender, "<%s>", bench.sender);
    for (long i = 0; i < bench.recipients; i++) {
        char address[64];
        recipient(address, sizeof address, i);
        *list = curl_slist_append(*list, address);
    }
    curl_easy_setopt(curl, CURLOPT_SHARE, share);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, sender);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, *list);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)message_length);
    if (!strcmp(bench.shape, "lf"))
        curl_easy_setopt(curl, CURLOPT_CRLF, 1L);
    if (bench.ca) {
        curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
        curl_easy_setopt(curl, CURLOPT_CAINFO, bench.ca);
    }
    return curl;
}

static void send_one(CURL *curl)
{
    FILE *file = NULL;
    offset = 0;
    if (bench.file) {
        file = fopen(bench.file, "r");
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, NULL);
        curl_easy_setopt(curl, CURLOPT_READDATA, file);
    } else {
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, give);
    }
    CURLcode result = curl_easy_perform(curl);
    if (result != CURLE_OK) {
        fprintf(stderr, "libcurl: %s\n", curl_easy_strerror(result));
        exit(1);
    }
    if (file)
        fclose(file);
}

static void sequential(long count)
{
    struct curl_slist *list = NULL;
    CURL *curl = new_handle(&list);
    for (long i = 0; i < count; i++)
        send_one(curl);
    curl_easy_cleanup(curl);
    curl_slist_free_all(list);
}

static void connect_each(long count)
{
    struct curl_slist *list = NULL;
    CURL *curl = new_handle(&list);
    curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
    for (long i = 0; i < count; i++)
        send_one(curl);
    curl_easy_cleanup(curl);
    curl_slist_free_all(list);
}

int main(int count, char **arguments)
{
    parse_options(count, arguments);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    share = curl_share_init();
    curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    return run(workload_is("connect") ? connect_each : sequential);
}
