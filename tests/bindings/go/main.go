// Sends mail from Go through the C library, with errors, callbacks and cancellation, while
// goroutines move between threads. Usage: check SERVER MUTE-SERVER
package main

/*
#cgo pkg-config: smtpclient
#include <smtpclient.h>
#include <stdlib.h>

extern void goDebug(int direction, char *data, size_t length, void *user);
extern void goDestroy(void *user);

// cgo cannot take the address of an exported function with const parameters.
static inline int set_debug(smtp_client *client, void *user) {
	return smtp_client_set_debug_callback(client, (smtp_debug_callback)goDebug, user, goDestroy);
}
*/
import "C"

import (
	"fmt"
	"os"
	"runtime"
	"runtime/cgo"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// Client owns one handle.
type Client struct{ c *C.smtp_client }

// Error is what a failed call left on its handle.
type Error struct {
	Code    int
	Name    string
	Reply   int
	Message string
}

func (e *Error) Error() string { return fmt.Sprintf("%s (%d): %s", e.Name, e.Reply, e.Message) }

// NewClient makes a client.
func NewClient() *Client {
	client := C.smtp_client_new(C.SMTP_PROTOCOL_SMTP)
	if client == nil {
		panic(C.GoString(C.smtp_last_error()))
	}
	return &Client{client}
}

// check turns a negative result into the handle's error. The goroutine may be on another thread
// by now, so only the handle knows.
func (client *Client) check(code C.int) error {
	if code >= 0 {
		return nil
	}
	runtime.Gosched()
	return &Error{
		Code:    int(code),
		Name:    C.GoString(C.smtp_error_name(code)),
		Reply:   int(C.smtp_client_reply_code(client.c)),
		Message: C.GoString(C.smtp_client_last_error(client.c)),
	}
}

// Connect connects to "host:port".
func (client *Client) Connect(address string) error {
	text := C.CString(address)
	defer C.free(unsafe.Pointer(text))
	return client.check(C.smtp_client_connect(client.c, text, 0))
}

// Mail runs MAIL alone.
func (client *Client) Mail(sender string) error {
	text := C.CString(sender)
	defer C.free(unsafe.Pointer(text))
	return client.check(C.smtp_client_mail(client.c, text, nil, 0))
}

// Sendmail sends a message and returns the refused recipients with their replies.
func (client *Client) Sendmail(from string, to []string, message []byte) (map[string]string, error) {
	sender := C.CString(from)
	defer C.free(unsafe.Pointer(sender))
	// Memory of C's, because it holds pointers.
	list := (*[1 << 20]*C.char)(C.malloc(C.size_t(len(to)+1) * C.size_t(unsafe.Sizeof(sender))))
	defer C.free(unsafe.Pointer(list))
	for i, address := range to {
		list[i] = C.CString(address)
		defer C.free(unsafe.Pointer(list[i]))
	}
	code := C.smtp_client_sendmail(client.c, sender, &list[0], C.size_t(len(to)),
		unsafe.Pointer(&message[0]), C.size_t(len(message)), nil, 0, nil, 0)
	refused := map[string]string{}
	for i := C.size_t(0); i < C.smtp_client_refused_count(client.c); i++ {
		address := C.GoString(C.smtp_client_refused_address(client.c, i))
		refused[address] = fmt.Sprintf("%d %s", int(C.smtp_client_refused_code(client.c, i)),
			C.GoString(C.smtp_client_refused_text(client.c, i)))
	}
	return refused, client.check(code)
}

// Close frees the handle.
func (client *Client) Close() { C.smtp_client_free(client.c) }

//export goDebug
func goDebug(direction C.int, data *C.char, length C.size_t, user unsafe.Pointer) {
	transcript := (*(*cgo.Handle)(user)).Value().(*strings.Builder)
	fmt.Fprintf(transcript, "%d %s", int(direction), C.GoStringN(data, C.int(length)))
}

var destroyed int32

//export goDestroy
func goDestroy(user unsafe.Pointer) {
	(*(*cgo.Handle)(user)).Delete()
	C.free(user)
	atomic.AddInt32(&destroyed, 1)
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func assert(good bool, format string, values ...interface{}) {
	if !good {
		must(fmt.Errorf(format, values...))
	}
}

var message = []byte("Subject: from Go\r\n\r\n.dot\r\n")

func sends(address string) {
	client := NewClient()
	var transcript strings.Builder
	user := C.malloc(C.size_t(unsafe.Sizeof(cgo.Handle(0))))
	*(*cgo.Handle)(user) = cgo.NewHandle(&transcript)
	must(client.check(C.set_debug(client.c, user)))
	must(client.Connect(address))
	refused, err := client.Sendmail("from@a.example", []string{"to@b.example", "bob@b.example"}, message)
	must(err)
	assert(len(refused) == 1 && refused["bob@b.example"] == "550 5.1.1 no such user", "%v", refused)
	refused, err = client.Sendmail("from@a.example", []string{"bob@b.example"}, message)
	assert(err != nil && err.(*Error).Name == "SMTP_E_RECIPIENTS_REFUSED", "%v", err)
	assert(len(refused) == 1, "%v", refused)
	client.Close()
	assert(strings.Contains(transcript.String(), "MAIL FROM:<from@a.example>"), "%s", transcript.String())
	assert(atomic.LoadInt32(&destroyed) == 1, "destroyed %d times", destroyed)
}

// Every goroutine's errors are its own, on whatever threads they run.
func hops(address string, goroutines, rounds int) {
	var group sync.WaitGroup
	for number := 0; number < goroutines; number++ {
		group.Add(1)
		go func(number int) {
			defer group.Done()
			client := NewClient()
			defer client.Close()
			must(client.Connect(address))
			for round := 0; round < rounds; round++ {
				// The offending byte's offset tells whose error it is.
				sender := fmt.Sprintf("%s\n@a.example", strings.Repeat("x", number+1))
				err := client.Mail(sender)
				assert(err != nil, "a line feed in an address was taken")
				failure := err.(*Error)
				wanted := fmt.Sprintf("offset %d", number+1)
				assert(failure.Code == C.SMTP_E_INVALID_ARGUMENT &&
					strings.Contains(failure.Message, wanted), "%v, not of goroutine %d", failure, number)
				if round%10 == 0 {
					_, err := client.Sendmail("from@a.example", []string{"to@b.example"}, message)
					must(err)
				}
			}
		}(number)
	}
	group.Wait()
}

// A goroutine cancels another's call.
func cancels(mute string) {
	client := NewClient()
	defer client.Close()
	go func() {
		time.Sleep(200 * time.Millisecond)
		C.smtp_client_cancel(client.c)
	}()
	err := client.Connect(mute)
	assert(err != nil && err.(*Error).Name == "SMTP_E_CANCELLED", "%v", err)
}

func main() {
	runtime.GOMAXPROCS(8)
	sends(os.Args[1])
	hops(os.Args[1], 48, 60)
	cancels(os.Args[2])
	fmt.Println("ok")
}
