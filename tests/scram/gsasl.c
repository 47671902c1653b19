/* The server's side of SCRAM by GNU SASL: `gsasl MECHANISM PASSWORD ITERATIONS [BINDING]`, the binding
 * of the type tls-exporter and in base64. Each line of input is a message of the client's in base64;
 * each of output says what comes of it: "more" or "done", and the server's message, or "error" and
 * why. */

#include <gsasl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char **words;

static int ask(Gsasl *context, Gsasl_session *session, Gsasl_property property) {
    (void)context;
    switch (property) {
    case GSASL_PASSWORD:
        return gsasl_property_set(session, property, words[2]);
    case GSASL_SCRAM_ITER:
        return gsasl_property_set(session, property, words[3]);
    case GSASL_CB_TLS_EXPORTER:
        return words[4] == NULL ? GSASL_NO_CALLBACK : gsasl_property_set(session, property, words[4]);
    default:
        return GSASL_NO_CALLBACK;
    }
}

int main(int count, char **arguments) {
    Gsasl *context;
    Gsasl_session *session;
    char line[8192];
    int code;
    words = arguments;
    if (count < 4 || gsasl_init(&context) != GSASL_OK)
        return 2;
    gsasl_callback_set(context, ask);
    if (gsasl_server_start(context, words[1], &session) != GSASL_OK)
        return 3;
    while (fgets(line, sizeof line, stdin) != NULL) {
        char *out = NULL;
        line[strcspn(line, "\n")] = '\0';
        code = gsasl_step64(session, line, &out);
        if (code == GSASL_OK || code == GSASL_NEEDS_MORE)
            printf("%s %s\n", code == GSASL_OK ? "done" : "more", out);
        else
            printf("error %s\n", gsasl_strerror_name(code));
        fflush(stdout);
        gsasl_free(out);
    }
    gsasl_finish(session);
    gsasl_done(context);
    return 0;
}
