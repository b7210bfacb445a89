# One call by LWP.
use strict;
use LWP::UserAgent;
my $question = '{"model":"gpt-4o","messages":[{"role":"user","content":"Hello"}]}';
my @headers = ('authorization' => "Bearer $ENV{API_KEY}", 'content-type' => 'application/json');
my $answer = LWP::UserAgent->new->post('https://api.openai.com/v1/chat/completions', @headers, Content => $question);
die $answer->status_line, "\n" unless $answer->is_success && $answer->decoded_content =~ /"choices"/;
print "ok\n";
