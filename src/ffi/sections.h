/**
 * @defgroup smtpclient-errors What each error means, and what to do
 *
 * Every function that can fail returns one of these codes, or, where it returns a pointer or a
 * count, leaves it for smtp_last_error_code(). The message that belongs to it says what failed,
 * where, and what the server or the system answered: smtp_client_last_error() for a client, and
 * smtp_last_error() for whatever failed last on this thread.
 *
 * Not every failure is worth the same reaction. A program that sends unattended needs three, and
 * smtp_error_advice() says which is due:
 *
 * - try again, at once or later: SMTP_NEXT_NOW, SMTP_NEXT_LATER;
 * - give the mail up, and tell its sender: SMTP_NEXT_NEVER;
 * - keep the mail and tell a person, for nothing is wrong with it: SMTP_NEXT_ASK. So after
 *   SMTP_E_OUTCOME_UNKNOWN: it may have been delivered.
 *
 *     switch (smtp_error_advice(status, smtp_client_reply_code(c),
 *                               smtp_client_reply_enhanced(c))) {
 *     case SMTP_NEXT_NONE:
 *         break;
 *     case SMTP_NEXT_NOW:
 *     case SMTP_NEXT_LATER:
 *         fputs("to be tried again\n", stderr);
 *         break;
 *     case SMTP_NEXT_NEVER:
 *         fprintf(stderr, "given up: %s\n", smtp_client_last_error(c));
 *         break;
 *     default:
 *         fprintf(stderr, "to be looked at: %s\n", smtp_client_last_error(c));
 *     }
 *
 * smtpclient-next-try(3) has more of it, for mail to several recipients. Where yes or no is enough,
 * smtp_error_is_temporary() says whether the same call may succeed later.
 *
 * The numbers never change, and one that was given up is never used again.
 */
smtp_last_error()

/**
 * @defgroup smtpclient-version The library's version and features
 *
 * Which library a program was linked with, as opposed to the header that it was compiled with,
 * and what that library can do. These functions need no client and work on any thread.
 */
smtp_client_version()

/**
 * @defgroup smtpclient-tls Whom to trust, and what to show, under TLS
 *
 * A client needs no policy: by default it takes a certificate that the system's roots vouch for,
 * that is valid today and that names the host, over TLS 1.2 or later. A policy is for everything
 * else: a company's own authority, a client certificate, another name, or less of a check.
 *
 *     smtp_tls *tls = smtp_tls_new();
 *     if (tls == NULL || smtp_tls_add_ca_file(tls, "/etc/ssl/company.pem") < 0 ||
 *         smtp_client_set_tls(c, tls) < 0)
 *         fprintf(stderr, "%s\n", smtp_last_error());
 *     smtp_tls_free(tls);
 *
 * The policy may be freed at once: the client keeps what it needs. The environment variables
 * `SSL_CERT_FILE` and `SSL_CERT_DIR` say where the system's roots are, where they are set.
 */
smtp_tls_new()

/**
 * @defgroup smtpclient-client Make a client and set it up
 *
 * A client holds settings and at most one connection at a time. It may connect as often as it
 * likes, to different servers too: settings stay, and what was learnt about a server is forgotten
 * with its connection. A setting counts from the next call on, or where its function says so.
 *
 *     smtp_client *c = smtp_client_new(SMTP_PROTOCOL_SMTPS);
 *     if (c == NULL || smtp_client_set_timeout(c, 30 * 1000) < 0)
 *         fprintf(stderr, "%s\n", smtp_last_error());
 *     smtp_client_free(c);
 *
 * Which protocol to choose: SMTP_PROTOCOL_SMTPS for a provider's port 465; SMTP_PROTOCOL_SMTP
 * with smtp_client_starttls() for port 587, and without for a server on this machine;
 * SMTP_PROTOCOL_LMTP for a mail store.
 */
smtp_client_new()

/**
 * @defgroup smtpclient-setup Say once where to send, and as whom
 *
 * What smtp_client_open() needs to make a connection that is ready for mail: a server, how the way
 * to it is secured, and credentials. All of it can be one string in a configuration,
 *
 *     if (smtp_client_set_url(c, "smtps://me%40example.org@mail.example.org") < 0 ||
 *         smtp_client_set_credentials(c, "me@example.org", password) < 0 ||
 *         smtp_client_open(c) < 0)
 *         fprintf(stderr, "%s\n", smtp_client_last_error(c));
 *
 * whose password may stand in it too, with escapes, or come apart as here. Nothing is looked up and
 * nothing sent before smtp_client_open(), and a value that is refused changes nothing.
 */
smtp_client_set_url()

/**
 * @defgroup smtpclient-report Find out why mail does not go out
 *
 * A probe does what smtp_client_open() would do, sends no mail, and reports all that it sees: each
 * address of the server, its greeting, what it offers, its TLS and certificate, the login. Where
 * something is wrong it looks a second time, and names the classic mistakes with their remedies: a
 * port for TLS that was spoken to in clear, or the other way round; STARTTLS that is missing; a
 * certificate for another name; a password where the server wants something else.
 *
 *     smtp_report *report = smtp_client_probe(c);
 *     size_t i;
 *     if (report == NULL)
 *         fprintf(stderr, "%s\n", smtp_client_last_error(c));
 *     for (i = 0; i < smtp_report_advice_count(report); i++)
 *         puts(smtp_report_advice(report, i));
 *     smtp_report_free(report);
 *
 * The server, the credentials and the security are those of smtpclient-setup(3). probe.c in
 * smtpclient-examples(3) is a whole program.
 */
smtp_client_probe()

/**
 * @defgroup smtpclient-observe See, count and forbid what a client does
 *
 * Four callbacks, one of which takes the transcript of the dialogue. None is needed to send mail.
 * All run on the thread of the call that causes them, and while they run the client is busy: of
 * its functions only smtp_client_cancel() and smtp_client_free() do anything there.
 *
 *     static void trace(int direction, const char *data, size_t length, void *user_data) {
 *         fputs(direction == SMTP_DEBUG_SENT ? "> " : "< ", (FILE *)user_data);
 *         fwrite(data, 1, length, (FILE *)user_data);
 *     }
 *
 * shows the dialogue where it is set by
 *
 *     if (smtp_client_set_debug_callback(c, trace, stderr, NULL) < 0)
 *         fprintf(stderr, "%s\n", smtp_client_last_error(c));
 */
smtp_client_set_debug_level()

/**
 * @defgroup smtpclient-connection Connect, secure and end a connection
 *
 * First connect, then encrypt unless the protocol does so by itself, log in if the server wants
 * it (see smtpclient-auth(3)), send (see smtpclient-mail(3)), and quit.
 *
 *     if (smtp_client_connect(c, "mail.example.org", 587) < 0 ||
 *         smtp_client_starttls(c) < 0)
 *         fprintf(stderr, "%s\n", smtp_client_last_error(c));
 *     else
 *         smtp_client_quit(c);
 *
 * Never go on after a failed smtp_client_starttls(): the connection may be open still, and
 * readable by everybody.
 */
smtp_client_connect()

/**
 * @defgroup smtpclient-events Clients in an event loop
 *
 * For programs that have a loop and must not wait: one descriptor for each client is watched for
 * input, whatever the client is doing, and one function is called when it is readable. Every call
 * can be made so, from connecting to quitting.
 *
 *     smtp_client_set_nonblocking(c, 1);
 *     struct pollfd watch = {smtp_client_poll_fd(c), POLLIN, 0};
 *     int result = smtp_client_connect(c, "mail.example.org", 25);
 *     while (result == SMTP_PENDING && poll(&watch, 1, -1) >= 0)
 *         result = smtp_client_process(c);
 *     if (result < 0)
 *         fprintf(stderr, "%s\n", smtp_client_last_error(c));
 *
 * In a loop of many clients one wait serves them all. loop_poll.c, loop_libuv.c,
 * loop_libevent.c and loop_glib.c in smtpclient-examples(3) are whole programs.
 */
smtp_client_set_nonblocking()

/**
 * @defgroup smtpclient-command Single SMTP commands
 *
 * For programs that ask more of a server than to take mail, or that test one. Each function sends
 * one command and returns the code of the reply, whatever it is: 550 is an answer here and no
 * error. A negative result says that no valid reply came.
 *
 *     int code = smtp_client_verify(c, "alice@example.org");
 *     if (code < 0)
 *         fprintf(stderr, "%s\n", smtp_client_last_error(c));
 *     else
 *         printf("%d %s\n", code, smtp_client_reply_text(c));
 *
 * To send mail use smtpclient-mail(3), which runs these commands, many at a time where the server
 * can take that.
 */
smtp_client_helo()

/**
 * @defgroup smtpclient-auth Log in
 *
 * smtp_client_login() is what nearly every program needs: it takes the strongest mechanism that
 * both sides know; with an access token, smtp_client_login_oauth() (see smtpclient-token(3)).
 * smtp_client_auth() is for mechanisms that the library does not know; custom_auth.c in
 * smtpclient-examples(3) is one.
 *
 *     if (smtp_client_starttls(c) < 0 || smtp_client_login(c, user, password) < 0)
 *         fprintf(stderr, "%s\n", smtp_client_last_error(c));
 *
 * A password is not sent where others can read it: without TLS, and to another machine, mechanisms
 * that show it are SMTP_E_FORBIDDEN.
 */
smtp_client_login()

/**
 * @defgroup smtpclient-token Log in with OAuth 2.0
 *
 * Providers that take no passwords any more want an access token, which a program gets from them
 * over HTTPS; the library does no HTTP. With a token at hand,
 *
 *     if (smtp_client_login_oauth(c, "me@example.org", token) < 0)
 *         fprintf(stderr, "%s\n", smtp_client_last_error(c));
 *
 * is all it takes. Tokens live for an hour or so, and a program that runs longer has a source of
 * them: a callback, which is asked for a token when a login needs one, and not before.
 *
 *     static int ask(smtp_token_request *request, void *user_data) {
 *         FILE *file = fopen((const char *)user_data, "r");
 *         char token[8192];
 *         int found = file != NULL && fscanf(file, "%8191s", token) == 1;
 *         if (file != NULL)
 *             fclose(file);
 *         return found ? smtp_token_give(request, token, 0)
 *                      : smtp_token_fail(request, "there is no token in the file");
 *     }
 *
 * It is set once, for all clients that log in with it, and smtp_client_open() does the rest:
 *
 *     char path[] = "/run/mail/token";
 *     smtp_token_source *source = smtp_token_source_new(ask, path, NULL);
 *     if (source == NULL || smtp_client_set_token_source(c, "me@example.org", source) < 0 ||
 *         smtp_client_open(c) < 0)
 *         fprintf(stderr, "%s\n", smtp_last_error());
 *     smtp_token_source_free(source);
 *
 * The callback may answer later and from another thread as well. send_oauth2.c in
 * smtpclient-examples(3) is a whole program.
 */
smtp_client_login_oauth()

/**
 * @defgroup smtpclient-mail Send mail
 *
 * Three ways, from the simplest to the fastest:
 *
 * - smtp_client_sendmail() and smtp_client_send_message() send one message and return when the
 *   server has answered. smtpclient-recipient(3) tells of each recipient afterwards.
 * - smtp_client_send() and smtp_client_send_batch() send transactions, each of which holds its own
 *   outcome: see smtpclient-transaction(3).
 * - smtp_client_submit() takes one transaction after another without waiting, for as long as there
 *   is mail; smtp_client_flush() waits for what is left.
 *
 * The last gives each transaction back through a completion callback, such as
 *
 *     static void completed(smtp_transaction *transaction, void *user_data) {
 *         size_t *failures = (size_t *)user_data;
 *         if (smtp_transaction_status(transaction) < 0)
 *             ++*failures;
 *         smtp_transaction_free(transaction);
 *     }
 *
 * which smtp_client_set_completion_callback() sets once. Then the client is fed:
 *
 *     if (smtp_client_submit(c, transaction) < 0 || smtp_client_flush(c) < 0)
 *         fprintf(stderr, "%s\n", smtp_client_last_error(c));
 *
 * The message must be whole: its header (From, Date, Message-ID, ...), an empty line, and the
 * text. Nothing is added to it and nothing encoded; who would rather not write it has it written:
 * smtp_client_send_mime().
 */
smtp_client_sendmail()

/**
 * @defgroup smtpclient-transaction One mail: sender, recipients, outcome
 *
 * A transaction is made, filled, sent by a function of smtpclient-mail(3), and then asked what
 * became of it. It may be cleared and used again, which spares memory.
 *
 *     smtp_transaction *mail = smtp_transaction_new();
 *     if (mail == NULL || smtp_transaction_set_sender(mail, "me@example.org") < 0 ||
 *         smtp_transaction_add_recipient(mail, "alice@example.org", NULL, 0) < 0 ||
 *         smtp_transaction_set_message(mail, message, length) < 0)
 *         fprintf(stderr, "%s\n", smtp_last_error());
 *     else if (smtp_client_send(c, mail) < 0)
 *         fprintf(stderr, "%s\n", smtp_transaction_error(mail));
 *     smtp_transaction_free(mail);
 *
 * The two kinds of error are apart: smtp_transaction_last_error() is about a call on the
 * transaction that failed, such as an address that cannot be; smtp_transaction_error() is about
 * the mail that was not sent.
 */
smtp_transaction_new()

/**
 * @defgroup smtpclient-message The message of a transaction
 *
 * One of these four gives a transaction its message, and a later one takes the place of an
 * earlier:
 *
 * - smtp_transaction_set_message() copies it: the simplest;
 * - smtp_transaction_set_message_borrowed() leaves it where it is: the cheapest for one that many
 *   transactions share;
 * - smtp_transaction_set_reader() asks for it piece by piece: for one that is made as it is sent;
 * - smtp_transaction_set_message_fd() reads a file, pipe or socket: for one that is large.
 *
 * Whichever it is, lines may end in LF or CRLF, and a line may begin with a dot: what goes over
 * the wire is right. For a message that the library writes there is smtp_transaction_set_mime().
 */
smtp_transaction_set_message()

/**
 * @defgroup smtpclient-mime Write a message
 *
 * From addresses, texts and files the library writes a message as MIME, with all that other
 * programs expect in it: header fields folded and encoded, alternatives of text and HTML, images,
 * attachments of any size, which are read as they are sent.
 *
 *     int fd = open("/var/log/disks.csv", O_RDONLY);
 *     smtp_message *m = smtp_message_new();
 *     if (m == NULL || smtp_message_set_from(m, "Monitor", "monitor@example.org") < 0 ||
 *         smtp_message_add_to(m, "On call", "oncall@example.org") < 0 ||
 *         smtp_message_add_bcc(m, NULL, "archive@example.org") < 0 ||
 *         smtp_message_set_subject(m, "Disk nearly full: 97 %") < 0 ||
 *         smtp_message_set_text(m, "Tomorrow it will be full.\n") < 0 ||
 *         smtp_message_add_attachment_fd(m, "disks.csv", NULL, fd) < 0 ||
 *         smtp_client_send_mime(c, m) < 0)
 *         fprintf(stderr, "%s\n", smtp_last_error());
 *     smtp_message_free(m);
 *     close(fd);
 *
 * One message serves for as many transactions as one likes (smtp_transaction_set_mime()), and may
 * be changed between them: each keeps what it was given. send_report.c in smtpclient-examples(3) is
 * a whole program.
 */
smtp_message_new()

/**
 * @defgroup smtpclient-next-try The next try
 *
 * Mail that did not reach everybody is tried again, for those whom it did not reach and for nobody
 * else. A transaction that was sent says how far it came, for whom another try may help, and makes
 * the transaction for the next one; smtp_error_advice() says when that should be, if at all.
 *
 *     int code = smtp_client_send(c, transaction);
 *     int advice = smtp_error_advice(code, smtp_transaction_reply_code(transaction),
 *                                    smtp_transaction_reply_enhanced(transaction));
 *     smtp_transaction *next = NULL;
 *     if (advice == SMTP_NEXT_ASK)
 *         fprintf(stderr, "to be looked at: %s\n", smtp_transaction_error(transaction));
 *     else if (advice == SMTP_NEXT_NEVER && code != SMTP_E_RECIPIENTS_REFUSED)
 *         fprintf(stderr, "given up: %s\n", smtp_transaction_error(transaction));
 *     else
 *         next = smtp_transaction_remaining(transaction, 0);
 *     if (next != NULL)
 *         printf("%lu remain\n", (unsigned long)smtp_transaction_recipient_count(next));
 *     smtp_transaction_free(transaction);
 *
 * The two share their message, whichever is freed first. SMTP_OK says that somebody got the mail, so
 * that others may remain after it too, and where recipients were refused each has an answer of his
 * own. After SMTP_E_OUTCOME_UNKNOWN, if twice is better than never, SMTP_REMAINING_UNKNOWN makes it
 * go to those as well who may have got it.
 */
smtp_transaction_phase()

/**
 * @defgroup smtpclient-envelope Whom a message would go to
 *
 * Reads the addresses out of a message's header as smtp_client_send_message() does, without a
 * client or a connection: to show them, to check them, or to sort recipients by server.
 *
 *     smtp_envelope *envelope = smtp_envelope_new(NULL, NULL, 0, message, length);
 *     size_t i;
 *     for (i = 0; i < smtp_envelope_recipient_count(envelope); i++)
 *         puts(smtp_envelope_recipient(envelope, i));
 *     smtp_envelope_free(envelope);
 */
smtp_envelope_new()

/**
 * @defgroup smtpclient-reply The last error, the last reply, and what the server offers
 *
 * Questions to a client. None sends anything, all may be asked by several threads at once, and
 * while another call runs on the client they answer SMTP_E_BUSY, NULL or 0.
 *
 *     if (smtp_client_ehlo_or_helo_if_needed(c) < 0)
 *         fprintf(stderr, "%s\n", smtp_client_last_error(c));
 *     else if (smtp_client_has_extension(c, "SIZE") == 1)
 *         printf("takes %s bytes\n", smtp_client_extension_params(c, "SIZE"));
 */
smtp_client_last_error()

/**
 * @defgroup smtpclient-recipient What became of each recipient
 *
 * What the last smtp_client_sendmail() or smtp_client_send_message() did for whom. The functions
 * with `refused` in their names list those alone that the server refused, which is enough after
 * SMTP_OK; those with `recipient` list everybody, and are right behind any outcome.
 *
 *     size_t i;
 *     for (i = 0; i < smtp_client_recipient_count(c); i++)
 *         if (smtp_client_recipient_status(c, i) != SMTP_RECIPIENT_ACCEPTED)
 *             fprintf(stderr, "%s: %s\n", smtp_client_recipient_address(c, i),
 *                     smtp_client_recipient_text(c, i));
 *
 * Transactions have functions of their own for this: see smtpclient-transaction(3).
 */
smtp_client_refused_count()
