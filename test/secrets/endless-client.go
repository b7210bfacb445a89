// Opens as many TLS connections as its second argument says to the port that its first names, one after another.
package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"strconv"
)

func main() {
	count, _ := strconv.Atoi(os.Args[2])
	for i := 0; i < count; i++ {
		connection, err := tls.Dial("tcp", "127.0.0.1:"+os.Args[1], &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			panic(err)
		}
		connection.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
		io.Copy(io.Discard, connection)
		connection.Close()
	}
	fmt.Println(count)
}
