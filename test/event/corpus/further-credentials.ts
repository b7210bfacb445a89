/** Credentials in formats that no rule was written after: files, commands and logs of other tools. Made at run time. */
import { createHash } from "node:crypto";

const ALNUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const HEX = "0123456789abcdef";
let seed = 0;
function made(length: number, alphabet = ALNUM): string {
  let text = "";
  while (text.length < length)
    for (const byte of createHash("sha256").update(`further ${seed++}`).digest())
      text += alphabet[byte % alphabet.length];
  return text.slice(0, length);
}

type Write = (secret: string) => string;
const base64 = (text: string) => Buffer.from(text).toString("base64");

/** People's passwords: 14 letters and digits. */
const PASSWORDS: readonly Write[] = [
  (s) => `db_password = "${s}"`,
  (s) => `admin_password        = "${s}"`,
  (s) => `variable "db_password" {\n  default = "${s}"\n}`,
  (s) => `docker run -e POSTGRES_PASSWORD=${s} -p 5432:5432 postgres`,
  (s) => `docker run --env MYSQL_ROOT_PASSWORD=${s} mysql`,
  (s) => `      - MARIADB_PASSWORD=${s}`,
  (s) => `      POSTGRES_PASSWORD: ${s}`,
  (s) => `spring.datasource.password=${s}`,
  (s) => `spring.datasource.password: ${s}`,
  (s) => `db.password = ${s}`,
  (s) => `hibernate.connection.password=${s}`,
  (s) => `db.example.com:5432:app:ana:${s}`,
  (s) => `"DefaultConnection": "Server=db;Database=app;User Id=sa;Password=${s};Encrypt=True"`,
  (s) => `<add name="Main" connectionString="Data Source=db;User ID=sa;Password=${s}" />`,
  (s) => `define('DB_PASSWORD', '${s}');`,
  (s) => `define( "DB_PASSWORD", "${s}" );`,
  (s) => `'password' => '${s}',`,
  (s) => `'password' => env('DB_PASSWORD', '${s}'),`,
  (s) => `config = {'user': 'ana', 'password': '${s}', 'host': 'db'}`,
  (s) => `conn = psycopg2.connect(host="db", user="ana", password="${s}")`,
  (s) => `psql "host=db user=ana password=${s} dbname=app"`,
  (s) => `PGPASSWORD=${s} psql -h db -U ana`,
  (s) => `MYSQL_PWD=${s} mysqldump app`,
  (s) => `password = "${s}" # TOML`,
  (s) => `[client]\nuser=ana\npassword=${s}`,
  (s) => `[smtp]\nsmtp_password = ${s}`,
  (s) => `<property name="password" value="${s}"/>`,
  (s) => `<Password>${s}</Password>`,
  (s) => `$env:DB_PASSWORD = "${s}"`,
  (s) => `set DB_PASSWORD=${s}`,
  (s) => `setx DB_PASSWORD "${s}"`,
  (s) => `$cred = ConvertTo-SecureString "${s}" -AsPlainText -Force`,
  (s) => `export PASS='${s}'`,
  (s) => `set -x DB_PASSWORD ${s}`,
  (s) => `sshpass -p '${s}' ssh ana@host`,
  (s) => `redis-cli -h r -a ${s} ping`,
  (s) => `requirepass ${s}`,
  (s) => `CREATE USER ana WITH PASSWORD '${s}';`,
  (s) => `ALTER USER 'ana'@'%' IDENTIFIED BY '${s}';`,
  (s) => `ansible_password: ${s}`,
  (s) => `ansible_ssh_pass=${s}`,
  (s) => `  wifi psk="${s}"`,
  (s) => `echo ${s} | sudo -S apt update`,
  (s) => `net use Z: \\\\host\\share /user:ana ${s}`,
  (s) => `wget --user=ana --password=${s} https://x.example`,
  (s) => `ftp://ana:${s}@files.example/x`,
  (s) => `http_proxy=http://ana:${s}@proxy.example:3128`,
  (s) => `git clone https://ana:${s}@git.example/a.git`,
  (s) => `keytool -storepass ${s} -keystore k.jks`,
  (s) => `storePassword=${s}`,
  (s) => `keyPassword '${s}'`,
  (s) => `openssl pkcs12 -in a.p12 -passin pass:${s}`,
  (s) => `az login --service-principal -u app -p ${s} --tenant t`,
  (s) => `docker login -u ana -p ${s} registry.example`,
  (s) => `mongosh -u ana -p ${s}`,
  (s) => `ldapsearch -D cn=admin -w ${s}`,
  (s) => `{"username":"ana","password":"${s}"}`,
  (s) => `grant_type=password&username=ana&password=${s}`,
  (s) => `secret_key_base: ${s}`,
  (s) => `My password is ${s} and it does not work`,
];

/** Machines' tokens: 40 letters and digits. */
const TOKENS: readonly Write[] = [
  (s) => `api_token = "${s}"`,
  (s) => `cloudflare_api_token = "${s}"`,
  (s) => `apiVersion: v1\nkind: Secret\ndata:\n  api-token: ${base64(s)}`,
  (s) => `apiVersion: v1\nkind: Secret\nstringData:\n  API_KEY: ${s}`,
  (s) => `docker run -e API_KEY=${s} image`,
  (s) => `2026-01-02T03:04:05.678Z   API_TOKEN: ${s}`,
  (s) => `##[debug]env API_KEY=${s}`,
  (s) => `jwt.secret=${s}`,
  (s) => `app.client-secret: ${s}`,
  (s) => `"ClientSecret": "${s}",`,
  (s) => `"ApiKey": "${s}"`,
  (s) => `stripe:\n  secret_key: ${s}`,
  (s) => `define('AUTH_KEY',         '${s}');`,
  (s) => `define('NONCE_SALT', '${s}');`,
  (s) => `headers = {"X-Api-Key": "${s}"}`,
  (s) => `X-API-Key: ${s}`,
  (s) => `x-auth-token: ${s}`,
  (s) => `> PRIVATE-TOKEN: ${s}`,
  (s) => `-H "X-Vault-Token: ${s}"`,
  (s) => `curl -H 'Authorization: Bearer ${s}' https://x.example`,
  (s) => `grpcurl -H 'authorization: Bearer ${s}' x:443 list`,
  (s) => `metadata: [('authorization', 'Bearer ${s}')]`,
  (s) => `md := metadata.Pairs("x-api-key", "${s}")`,
  (s) => `< Set-Cookie: session=${s}; Path=/; HttpOnly`,
  (s) => `Cookie: _session_id=${s}`,
  (s) => `export API_TOKEN=${s}`,
  (s) => `$env:API_KEY="${s}"`,
  (s) => `set API_KEY=${s}`,
  (s) => `Environment="API_KEY=${s}"`,
  (s) => `client = Client(api_key="${s}")`,
  (s) => `const client = new Client({ apiKey: "${s}" });`,
  (s) => `openai.api_key = '${s}'`,
  (s) => `aws_secret_access_key = ${s}`,
  (s) => `aws configure set aws_secret_access_key ${s}`,
  (s) => `aws_session_token=${s}`,
  (s) => `heroku config:set SECRET_KEY=${s}`,
  (s) => `gh secret set DEPLOY_KEY --body "${s}"`,
  (s) => `kubectl create secret generic a --from-literal=api-key=${s}`,
  (s) => `helm install a --set auth.token=${s}`,
  (s) => `vault kv put secret/a api_key=${s}`,
  (s) => `https://api.example/v1?access_token=${s}`,
  (s) => `https://api.example/v1?api_key=${s}&x=1`,
  (s) => `https://x.example/cb#id_token=${s}`,
  (s) => `client_id=a&client_secret=${s}&grant_type=client_credentials`,
  (s) => `{"access_token":"${s}","token_type":"bearer"}`,
  (s) => `{"refreshToken":"${s}"}`,
  (s) => `npm config set //registry.example/:_authToken ${s}`,
  (s) => `_auth=${base64(`ana:${s}`)}`,
  (s) => `[registry]\ntoken = "${s}"`,
  (s) => `[pypi]\nusername = __token__\npassword = ${s}`,
  (s) => `oauth_token: ${s}`,
  (s) => `AccountName=a;AccountKey=${s}==`,
  (s) => `Endpoint=sb://x.example/;SharedAccessKeyName=a;SharedAccessKey=${s}=`,
  (s) => `InstrumentationKey=a;ApiKey=${s}`,
  (s) => `{"kty":"RSA","n":"x","d":"${s}${s}"}`,
  (s) => `{"kty":"oct","k":"${s}abc"}`,
  (s) => `[Interface]\nPrivateKey = ${s}abc=`,
  (s) => `PresharedKey = ${s}abc=`,
  (s) => `encryption_key: "${s}"`,
  (s) => `RAILS_MASTER_KEY=${s}`,
  (s) => `"private_key_id": "${s}",`,
  (s) => `APP_KEY=base64:${s}=`,
  (s) => `"webhookSecret": "${s}"`,
  (s) => `SLACK_SIGNING_SECRET: ${s}`,
  (s) => `the token: ${s}`,
  (s) => `API key is ${s}`,
];

/** Keys of 32 or 64 hexadecimal digits. */
const HEXADECIMAL: readonly Write[] = [
  (s) => `ETH_PRIVATE_KEY=0x${s}`,
  (s) => `PRIVATE_KEY=${s}`,
  (s) => `privateKey: "0x${s}"`,
  (s) => `accounts: ["0x${s}"]`,
  (s) => `cast send --private-key 0x${s} 0xabc`,
  (s) => `secret_key_base: ${s}`,
  (s) => `config/master.key: ${s}`,
  (s) => `"datadog_api_key": "${s}"`,
  (s) => `DD-API-KEY: ${s}`,
  (s) => `Ocp-Apim-Subscription-Key: ${s}`,
  (s) => `api-key: ${s}`,
  (s) => `ENCRYPTION_KEY="${s}"`,
  (s) => `OPENWEATHER_API_KEY = '${s}'`,
  (s) => `?appid=1&apikey=${s}`,
  (s) => `TWILIO_AUTH_TOKEN=${s}`,
  (s) => `auth_token: "${s}"`,
  (s) => `ConsumerSecret: ${s}`,
  (s) => `hmac-sha256 key: ${s}`,
  (s) => `os.environ["SERP_API_KEY"] = "${s}"`,
  (s) => `os.Setenv("API_SECRET", "${s}")`,
  (s) => `ENV['API_KEY'] = '${s}'`,
  (s) => `process.env.API_KEY = "${s}"`,
  (s) => `System.setProperty("api.key", "${s}");`,
  (s) => `--set-string apiKey=${s}`,
];

/** Texts, and what must not be in them any more beyond its first eight characters. */
export function furtherCredentials(): [text: string, secret: string][] {
  const of = (writes: readonly Write[], length: number, alphabet?: string) =>
    writes.map((write): [string, string] => {
      const secret = made(length, alphabet);
      return [write(secret), secret];
    });
  return [...of(PASSWORDS, 14), ...of(TOKENS, 40), ...of(HEXADECIMAL, 64, HEX)];
}
