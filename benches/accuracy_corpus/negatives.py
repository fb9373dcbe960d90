"""Hard negatives: lines that look like credentials and are none, by the class they imitate.

The classes of false alarms are those of token-facts.md: placeholders, templates, look-ups, labels, samples of vendors,
failed checksums, digests, ids, lock files, certificates, local addresses, encoded harmless data.
"""

import base64

from . import checks, facts

PLACEHOLDER = """changeme change_me password Password123 passw0rd secret xxxxxxxx XXXXXXXXXXXX **** ******** <password> <your-password> your_password
yourpassword your-secret-here YOUR_API_KEY YOUR_TOKEN_HERE insert_token_here todo TBD none null nil undefined true false example my-secret mysecret
my_password topsecret s3cr3t test test123 dummy fake placeholder redacted [REDACTED] REPLACE_ME replace-with-your-key not-a-secret invalid foobar
hunter2 letmein qwerty 12345678 abcdef123456 correct-horse-battery-staple ... <token> {password} [password] ENTER_PASSWORD supersecret""".split()
TEMPLATE = """${DB_PASSWORD} $DB_PASSWORD {{db_password}} {{.Values.db.password}} %(password)s $(cat_secret) #{password} <%=password%> @@PASSWORD@@
:password %PASSWORD% ENC[AES256_GCM,data:p673w==,iv:YY=,tag:UQ=] vault:secret/data/app#password op://vault/item/password !vault ${{secrets.DB_PASSWORD}}
{{lookup('env','PW')}} ${env:PASSWORD} $env:PASSWORD ssm:/app/prod/db_password arn:aws:secretsmanager:eu-west-1:123456789012:secret:app-x1y2z3 ref+vault://x/y
${var.db_password} data.vault_generic_secret.db.data["pw"] __DB_PASSWORD__ {0} %s {user.id}-{token} prefix-{name}-suffix bkua_{hex:40} sk_live_{alnum:24}
${password:-} {{`{{token}}`}} $[[password]] <<PASSWORD>> ~{password} file:///run/secrets/db env:DB_PASSWORD""".split()
CALLS = """getPassword() os.environ["DB_PASSWORD"] process.env.API_TOKEN System.getenv("TOKEN") config.get("password") request.form.password
self.password params[:password] ENV["SECRET"] ENV.fetch("SECRET_KEY") args.password options.token $_POST['password'] getpass.getpass() rand(32) generate_token(16)
Secrets.get(:api_key) vault.read("secret/x") user.password_digest secrets.token_hex(16) crypto.randomBytes(32).toString("hex") bcrypt.hash(pw,10) await_token()
input.value this.state.password event.target.value token.strip() readSecret(path) lookup("db_pass") new_password1 hashlib.sha256(pw).hexdigest() None String
str Optional[str] string? Text() PasswordField() models.CharField(max_length=128) React.createRef() z.string().min(8) t("auth.password")""".split()
LABELS = ["Enter your password", "Password must be at least 8 characters", "Forgot your password?", "Mot de passe oublié ?", "Passwort zurücksetzen", "API key is missing",
          "The token has expired", "Invalid client secret", "Passwords do not match.", "Confirm password", "Contraseña incorrecta", "Reset token sent to {email}",
          "Personal access token", "Введите пароль", "Your secret question", "Paste the API key from your dashboard", "Token saved", "パスワードを入力"]  # fmt: skip
NAMES = "password passwd pwd db_password admin_password secret client_secret token access_token auth_token api_key apiKey private_key credential".split()
ABOUT = ["password_field", "passwordInput", "token_type", "tokenType", "secret_name", "secretName", "password_reset_url", "token_endpoint", "tokenizer", "password_policy",
         "api_key_name", "secret_arn", "token_uri", "password_hash_algorithm", "key_id", "access_key_alias", "tokenCount", "password_min_length", "next_token", "page_token",
         "csrf_token", "public_key", "token_limit", "secret_path", "PASSWORD_FIELD", "TOKEN_KEY", "passwordLabel", "api_key_header", "secretRef", "cache_key", "sort_key"]  # fmt: skip
VALUES_ABOUT = ["input#password", "Bearer", "app-database-tls", "https://auth.corp.io/reset/confirm", "https://oauth2.corp.io/token", "bert-base-uncased", "X-Api-Key", "user.session.token",
                "argon2id", "alias/app-main", "eyJwYWdlIjoyfQ", "/var/run/secrets/app/token", "com.company.app.TOKEN", "user:profile:settings", "auth.token.refresh", "sha256",
                "application/x-www-form-urlencoded", "my-app-prod-credentials", "AuthTokenProvider", "PASSWORD_RESET_CONFIRM", "access_token", "Token.Literal.String", "id_rsa.pub"]  # fmt: skip
PROVIDERS = "stripe github aws twilio datadog sentry slack heroku azure gcp okta auth0 mailgun sendgrid algolia newrelic gitlab npm docker shopify".split()


def quoted(r, value):
    return r.choice(['"{}"', "'{}'", "{}", '"{}"']).format(value)


def assign(r, name, value):
    return r.choice(["{} = {}", "{}: {}", '"{}": {},', "{}={}", "export {}={}", "  {}: {},", "const {} = {};", "<{0}>{1}</{0}>", "--{} {}", "self.{} = {}"]).format(name, value)


def placeholder(r, rows):
    return assign(r, r.choice(NAMES), quoted(r, r.choice(PLACEHOLDER)))


def template(r, rows):
    return assign(r, r.choice(NAMES), quoted(r, r.choice(TEMPLATE)))


def call(r, rows):
    return assign(r, r.choice(NAMES), r.choice(CALLS))


def label(r, rows):
    return r.choice([
        lambda: f'"{r.choice(["password.hint", "form.token", "auth.secret", "login.password", "error_token"])}": "{r.choice(LABELS)}",',
        lambda: f'<label for="password">{r.choice(LABELS)}</label>', lambda: f'throw new Error("{r.choice(LABELS)}");', lambda: f'msgid "password"\nmsgstr "{r.choice(LABELS)}"',
        lambda: f'password_label = "{r.choice(LABELS)}"', lambda: f"# {r.choice(LABELS)}: see the manual", lambda: f'<input type="password" name="password" placeholder="{r.choice(LABELS)}">',
    ])()  # fmt: skip


def about(r, rows):
    return assign(r, r.choice(ABOUT), quoted(r, r.choice(VALUES_ABOUT)))


def code(r, rows):
    return r.choice([
        lambda: f"token = tokens[{r.word()} + 1]", lambda: f"if (token.type === TokenType.{r.word().upper()}) {{", lambda: f"case Token::{r.word().capitalize()} => parse_{r.word()}(token),",
        lambda: f"  password VARCHAR({r.number(32, 255)}) NOT NULL,", lambda: "def check_password(self, raw_password: str) -> bool:", lambda: f"WRONG_PASSWORD = {r.number(1000, 9999)}",
        lambda: f"#define ERROR_PASSWORD_EXPIRED 0x{r.text('hex-lower', 8).upper()}L", lambda: f"assert token == expected_{r.word()}", lambda: f".password-{r.word()} {{ color: #{r.text('hex-lower', 6)}; }}",
        lambda: f"router.get('/reset-password/:token', {r.word()}Controller.reset);", lambda: "func (t Token) String() string { return t.Literal }", lambda: f"secretKeyRef: {{name: {r.word()}-db, key: password}}",
        lambda: f"tokens = tokenizer.encode('{r.word()} {r.word()}')", lambda: f"password = prompt_for_{r.word()}_password or default_{r.word()}", lambda: f'key = f"{r.word()}:{{user_id}}:token"',
        lambda: f'let token = Token::new(TokenKind::{r.word().capitalize()}, "{r.word()}");', lambda: f"secret_version = {r.number(1, 99)}", lambda: f'"secret": {{"type": "string", "maxLength": {r.number(8, 99)}}},',
    ])()  # fmt: skip


def digest(r, rows):
    value = r.choice([r.text("hex-lower", 40), r.text("hex-lower", 64), r.text("hex-lower", 32), r.uuid(), r.text("hex-lower", 16)])
    name = r.choice(["commit", "sha256", "md5", "checksum", "etag", "trace_id", "request_id", "x-request-id", "revision", "build_id", "asset_hash", "parent_span", "digest", "guid", "uuid", "rev", "fingerprint"])
    return assign(r, name, quoted(r, value))


def provider_id(r, rows):
    provider = r.choice(PROVIDERS)
    suffix = r.choice(["trace_id", "commit", "sha", "account_id", "project_id", "build_id", "release", "site_id", "org_uuid", "request_id", "digest", "revision", "image_sha256", "region", "webhook_id"])
    value = r.choice([r.text("hex-lower", 40), r.text("hex-lower", 32), r.uuid(), r.text("digits", 12)])
    return assign(r, f"{provider}_{suffix}", quoted(r, value))


def provider_text(r, rows):
    provider = r.choice(PROVIDERS)
    return r.choice([
        f"# {provider} client, see https://docs.{provider}.io/api#authentication", f"from {provider}_sdk.auth import TokenProvider as {provider.capitalize()}Token",
        f"{provider}_token_file = /etc/{provider}/token.json", f"{provider}_api_key = os.environ['{provider.upper()}_API_KEY']", f"- uses: {provider}/setup-action@{r.text('hex-lower', 40)}",
        f"image: {provider}/agent@sha256:{r.text('hex-lower', 64)}", f"{provider}Version: '{r.number(1, 9)}.{r.number(0, 30)}.{r.number(0, 9)}'", f"{provider}_api_key: YOUR_{provider.upper()}_KEY",
    ])  # fmt: skip


def structured(r, rows):
    return r.choice([sample_token, cut_token, wrong_checksum, repeated, token_pattern, masked])(r, rows)


def sample_token(r, rows):
    return assign(r, r.choice(NAMES), quoted(r, r.choice([
        "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "ghp_" + "x" * 36, "sk_test_" + "4eC39HqLyjWDarjtT1zdp7dc", "sk-" + "x" * 48, "xoxb-your-token-here", "glpat-XXXXXXXXXXXXXXXXXXXX",
        "SG.XXXXXXXXXXXXXXXXXXXXXX.XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX", "AIza...", "AIzaSyXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX", "npm_EXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPLE", "AKIAXXXXXXXXXXXXXXXX", "dop_v1_" + "0" * 64,
        "ASIAEXAMPLEEXAMPLE12", "ghp_EXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPL12", "sk_live_xxxxxxxxxxxxxxxxxxxxxxxx", "whsec_...", "hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    ])))  # fmt: skip


def any_token(r, rows):
    while True:
        row = r.choice(rows)
        if row["class"] == "structured" and row["prefixes"]:
            try:
                return row, facts.parse(row, r)[0]
            except facts.Unusable:
                continue


def cut_token(r, rows):
    """Cut off in the middle: documentation shows how a token begins."""
    row, token = any_token(r, rows)
    prefix = max((p for p in row["prefixes"].split("|") if token.startswith(p)), key=len, default="")
    keep = len(prefix) + min(6, max(1, (len(token) - len(prefix)) // 5))
    return f"# {row['kind']}: {token[:keep]}..."


def wrong_checksum(r, rows):
    prefix = r.choice(["ghp_", "gho_", "npm_"])
    body = r.text("alnum", 30)
    check = list(checks.crc62(body))
    check[3] = "A" if check[3] != "A" else "B"
    return assign(r, "token", quoted(r, prefix + body + "".join(check)))


def repeated(r, rows):
    row, token = any_token(r, rows)
    prefix = max((p for p in row["prefixes"].split("|") if token.startswith(p)), key=len, default="")
    fill = r.choice(["x", "X", "0", "1234567890", "abc123", "*", "."])
    return assign(r, r.choice(NAMES), quoted(r, prefix + (fill * len(token))[: len(token) - len(prefix)]))


def token_pattern(r, rows):
    row, _ = any_token(r, rows)
    return f"pattern: '{row['prefixes'].split('|')[0]}[A-Za-z0-9_]{{{r.number(20, 40)},}}'"


def masked(r, rows):
    row, token = any_token(r, rows)
    prefix = row["prefixes"].split("|")[0]
    return f"Using token {prefix}{'*' * r.number(6, 20)}{token[-4:]}"


def address(r, rows):
    scheme = r.choice(["postgres", "mysql", "mongodb", "redis", "amqp", "http", "https", "ftp"])
    return r.choice([
        f"{scheme}://user:password@localhost:5432/db", f"{scheme}://user:pass@example.com/path", f"{scheme}://guest:guest@rabbit:5672/", f"{scheme}://root:root@127.0.0.1/{r.word()}",
        f"{scheme}://${{USER}}:${{PASSWORD}}@{r.host()}/{r.word()}", f"{scheme}://{{user}}:{{password}}@{{host}}/{{name}}", f"{scheme}://{r.host()}:8080/path@{r.number(1, 9)}.0", f"{scheme}://<user>:<password>@<host>",
        f"Server=localhost;Database={r.word()};User Id=sa;Password=password;", f"Server={r.host()};Integrated Security=true;", f"{scheme}://postgres:postgres@db/{r.word()}", f"{scheme}://user:xxxx@{r.host()}",
        f"git@{r.host()}:{r.word()}/{r.word()}.git", f"{scheme}://{r.host()}/users/{r.word()}:{r.word()}@latest", f"scp {r.word()}@{r.host()}:/var/{r.word()} .", f"{scheme}://%s:%s@%s:%d/%s",
    ])  # fmt: skip


def key_material(r, rows):
    word = "PRIVATE KEY"
    return r.choice([
        lambda: checks.pem("CERTIFICATE", b"\x30\x82\x03\x5b" + r.bytes(300)), lambda: checks.pem("PUBLIC KEY", b"\x30\x82\x01\x22" + r.bytes(160)), lambda: "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ" + r.text("base64", 200) + " me@host",
        lambda: f'PEM_HEADER = "-----BEGIN RSA {word}-----"', lambda: f"if data.startswith('-----BEGIN {word}-----'):", lambda: f"-----BEGIN RSA {word}-----\n...\n-----END RSA {word}-----",
        lambda: f"-----BEGIN {word}-----\nMIIEvQIBADANBg...snip...\n-----END {word}-----", lambda: f"grep -q 'BEGIN OPENSSH {word}' ~/.ssh/id_ed25519", lambda: checks.pem("CERTIFICATE REQUEST", b"\x30\x82\x02\x8a" + r.bytes(240)),
        lambda: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + r.text("base64", 43) + f" {r.word()}@{r.host()}", lambda: f"-----BEGIN {word}-----\n<your key here>\n-----END {word}-----",
    ])()  # fmt: skip


def encoded(r, rows):
    def text(count):
        return " ".join(r.word() for _ in range(count))

    return r.choice([
        lambda: f'"integrity": "sha512-{base64.b64encode(r.bytes(64)).decode()}",', lambda: f"    h1:{base64.b64encode(r.bytes(32)).decode()}=", lambda: f"data:image/png;base64,iVBORw0KGgo{r.text('base64', 240)}",
        lambda: f'integrity="sha384-{base64.b64encode(r.bytes(48)).decode()}"', lambda: f"checksum = \"{r.text('hex-lower', 64)}\"", lambda: f"  description: {base64.b64encode(text(12).encode()).decode()}",
        lambda: f"data: {base64.b64encode(checks.compact({'name': r.word(), 'replicas': r.number(1, 9), 'labels': text(4)})).decode()}", lambda: f"{r.text('hex-lower', 8)} {r.text('hex-lower', 64)}  {r.word()}.tar.gz",
        lambda: f"  password: {base64.b64encode(r.choice([b'changeme', b'password', b'example', b'${DB_PASSWORD}'])).decode()}", lambda: f"?q={text(5).replace(' ', '%20')}&utm_source={r.word()}%2F{r.word()}",
        lambda: "//# sourceMappingURL=data:application/json;base64," + base64.b64encode(checks.compact({"version": 3, "sources": [r.word() + ".ts"], "mappings": r.text("alnum", 80)})).decode(),
        lambda: f'title: "\\u0048\\u0065\\u006c\\u006c\\u006f {text(3)}"', lambda: f"src: url(data:font/woff2;base64,d09GMgABAAAAA{r.text('base64', 180)})", lambda: f"[[package]] {r.word()} sha256:{r.text('hex-lower', 64)}",
        lambda: f"!function(e,t){{var n={{}};function r(o){{if(n[o])return n[o].exports;var {r.text('lower', 1)}=n[o]={{i:o,l:!1,exports:{{}}}}}}}}('{r.text('alnum', 12)}');",
    ])()  # fmt: skip


def credential_file(r, rows):
    return r.choice([
        "machine example.com login user password mypassword", "machine localhost login admin password password", "//registry.corp.io/:_authToken=${NPM_TOKEN}", "localhost:5432:*:postgres:postgres", "*:*:*:postgres:password",
        "password = ${REPO_PASSWORD}", "aws_secret_access_key = <your secret key>", "aws_access_key_id = YOUR_KEY", '"auth": "dXNlcjpwYXNzd29yZA=="', '"credsStore": "desktop"', "requirepass foobared", "# requirepass yourpassword", "psk=\"password\"",
        "rootpw secret", "bindpw changeme", "login user password <password>", "token: {{ .Env.TOKEN }}", "client-certificate-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t", "set smtp_pass=\"`pass mail`\"", "passwordeval \"gpg -q -d ~/.pw.gpg\"",
        "auth-provider: gcp", "password_required = True", "identityFile ~/.ssh/id_ed25519", "default login anonymous password guest",
    ])  # fmt: skip


CLASSES = {
    "generic password": [placeholder, template, call, label, about, code], "generic secret": [placeholder, template, call, about, code, digest],
    "structured": [structured], "composite": [sample_token, provider_id], "contextual": [provider_id, provider_text, digest],
    "connection string": [address], "private key": [key_material], "encoded": [encoded], "credential file": [credential_file],
}  # fmt: skip
EXTENSIONS = [".py", ".js", ".ts", ".java", ".go", ".rb", ".yml", ".json", ".md", ".sh", ".tf", ".properties", ".xml", ".php", ".cs", ".toml"]
SHARES = {"generic password": 5, "generic secret": 5, "structured": 3, "contextual": 3, "encoded": 2}


def files(seed, rows, lines, Source):
    """Files of hard negatives: (name, text, class), each of about 200 lines, until there are `lines`."""
    order = [name for name in CLASSES for _ in range(SHARES.get(name, 1))]
    number = total = 0
    while total < lines:
        r = Source(seed, "negatives", number)
        name = order[number % len(order)]
        makers = CLASSES[name]
        text = "\n".join(r.choice(makers)(r, rows) for _ in range(200 if name != "private key" else 60)) + "\n"
        yield f"hard/{name.replace(' ', '-')}/{r.word()}_{number}{r.choice(EXTENSIONS)}", text, name
        total += text.count("\n")
        number += 1
