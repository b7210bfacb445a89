<?php
// One call by PHP's streams, or its curl: `call.php streams|curl`.
$url = 'https://api.openai.com/v1/chat/completions';
$question = json_encode(['model' => 'gpt-4o', 'messages' => [['role' => 'user', 'content' => 'Hello']]]);
$headers = ['authorization: Bearer ' . getenv('API_KEY'), 'content-type: application/json'];
if ($argv[1] === 'curl') {
    $curl = curl_init($url);
    curl_setopt_array($curl, [CURLOPT_POSTFIELDS => $question, CURLOPT_HTTPHEADER => $headers, CURLOPT_RETURNTRANSFER => true]);
    $answer = curl_exec($curl);
} else {
    $http = ['method' => 'POST', 'header' => $headers, 'content' => $question];
    $answer = file_get_contents($url, false, stream_context_create(['http' => $http]));
}
if (!isset(json_decode((string) $answer, true)['choices'])) exit(1);
echo "ok\n";
