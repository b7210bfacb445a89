# One call by Ruby's net/http.
require 'net/http'
require 'json'
question = JSON.generate(model: 'gpt-4o', messages: [{ role: 'user', content: 'Hello' }])
headers = { 'authorization' => "Bearer #{ENV['API_KEY']}", 'content-type' => 'application/json' }
answer = Net::HTTP.post(URI('https://api.openai.com/v1/chat/completions'), question, headers)
abort 'not the answer that was asked for' unless JSON.parse(answer.body)['choices']
puts 'ok'
