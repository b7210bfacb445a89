import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;

/** One call by Java's HttpClient: `Call HTTP_1_1|HTTP_2`. */
class Call {
  public static void main(String[] args) throws Exception {
    var question = "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}";
    var request = HttpRequest.newBuilder(URI.create("https://api.openai.com/v1/chat/completions"))
        .header("authorization", "Bearer " + System.getenv("API_KEY"))
        .header("content-type", "application/json")
        .POST(HttpRequest.BodyPublishers.ofString(question))
        .build();
    var client = HttpClient.newBuilder().version(HttpClient.Version.valueOf(args[0])).build();
    var answer = client.send(request, BodyHandlers.ofString());
    if (!answer.body().contains("choices")) throw new IllegalStateException("not the answer that was asked for");
    System.out.println("ok");
    System.exit(0);
  }
}
