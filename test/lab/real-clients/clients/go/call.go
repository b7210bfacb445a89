// One call by Go's net/http: `call h1|h2|parallel`. With `parallel` the first requests are forty at a time, for
// which Go opens a connection each before it knows that one is enough.
package main

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
)

const url = "https://api.openai.com/v1/chat/completions"
const question = `{"model":"gpt-4o","messages":[{"role":"user","content":"Hello"}]}`

func ask(client *http.Client, protocol int) error {
	request, err := http.NewRequest("POST", url, strings.NewReader(question))
	if err != nil {
		return err
	}
	request.Header.Set("authorization", "Bearer "+os.Getenv("API_KEY"))
	request.Header.Set("content-type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.ProtoMajor != protocol {
		return fmt.Errorf("spoke %s", response.Proto)
	}
	var answer struct{ Choices []any }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return err
	}
	if len(answer.Choices) == 0 {
		return fmt.Errorf("not the answer that was asked for")
	}
	return nil
}

func main() {
	client, protocol, times := &http.Client{}, 2, 1
	switch os.Args[1] {
	case "h1":
		// An empty list is how net/http is told to leave HTTP/2 alone.
		none := map[string]func(string, *tls.Conn) http.RoundTripper{}
		client.Transport, protocol = &http.Transport{TLSNextProto: none}, 1
	case "parallel":
		times = 40
	}
	failures := make(chan error, times)
	var all sync.WaitGroup
	for i := 0; i < times; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			if err := ask(client, protocol); err != nil {
				failures <- err
			}
		}()
	}
	all.Wait()
	close(failures)
	for err := range failures {
		fmt.Fprintln(os.Stderr, err)
		defer os.Exit(1)
	}
	fmt.Println("ok")
}
