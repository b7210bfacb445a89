// Opens one TLS connection to the port that its argument names and prints its own key log.
package main

import (
	"crypto/tls"
	"io"
	"os"
)

func main() {
	config := &tls.Config{InsecureSkipVerify: true, KeyLogWriter: os.Stdout}
	if os.Args[2] == "TLSv1.2" {
		config.MaxVersion = tls.VersionTLS12
	}
	connection, err := tls.Dial("tcp", "127.0.0.1:"+os.Args[1], config)
	if err != nil {
		panic(err)
	}
	connection.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
	io.Copy(io.Discard, connection)
}
