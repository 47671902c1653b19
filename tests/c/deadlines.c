/* Every phase has its deadline: a server that says nothing, or a byte now and then, or does not
 * read, holds nobody longer than the time limit. */
/* SERVER mute plain --mode mute */
/* SERVER mute_unix unix --mode mute */
/* SERVER mute_lmtp lmtp --mode mute */
/* SERVER drip plain --mode drip --drip-ms 150 */
/* SERVER mute_ehlo plain --mode mute-at-ehlo */
/* SERVER drip_ehlo plain --mode drip-at-ehlo --drip-ms 150 */
/* SERVER mute_starttls plain --mode mute-at-starttls */
/* SERVER stall_starttls plain --mode stall-at-starttls */
/* SERVER mute_auth plain --auth user:password --mode mute-at-auth */
/* SERVER mute_mail plain --mode mute-at-mail */
/* SERVER mute_rcpt plain --mode mute-at-rcpt */
/* SERVER mute_data plain --mode mute-at-data */
/* SERVER freeze_data narrow --mode freeze-body-at-data */
/* SERVER freeze_bdat narrow --mode freeze-at-bdat */
/* SERVER mute_end plain --mode mute-at-end-of-data */
/* SERVER mute_tls_end tls --mode mute-at-end-of-data */
/* SERVER mute_quit plain --mode mute-at-quit */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include "phases.h"

int main(void) {
    int i;
    for (i = 0; i < PHASE_COUNT; i++) {
        const struct phase *phase = &PHASES[i];
        smtp_client *client = before(phase);
        double limit = slow() ? 2.0 : 0.4;
        double begun, took;
        int code;
        GIVES(SMTP_OK, smtp_client_set_timeout(client, (int)(limit * 1000)));
        begun = now();
        code = phase->stuck(client, phase->server);
        took = now() - begun;
        if (code != phase->timed_out || took < limit * 0.9 || took > limit + (slow() ? 20 : 3)) {
            fprintf(stderr, "%d (%s): %s after %.2f s: %s\n", i, phase->server,
                    smtp_error_name(code), took, smtp_client_last_error(client));
            return 1;
        }
        GIVES(code, smtp_client_last_error_code(client));
        GIVES(0, smtp_client_is_connected(client));
        GIVES(SMTP_E_DISCONNECTED, smtp_client_noop(client));
        smtp_client_free(client);
    }
    return 0;
}
