"""Connection strings and private keys in the forms in which they stand in files."""

import base64

from . import checks

SCHEMES = """postgres postgresql mysql mariadb mongodb mongodb+srv redis rediss amqp amqps mssql sqlserver oracle clickhouse
cockroachdb ldap ldaps smtp smtps imap ftp sftp ssh mqtt nats couchbase neo4j bolt kafka http https git+https postgresql+psycopg2
mysql+pymysql jdbc:postgresql jdbc:mysql""".split()

HOLDERS = [
    (".env", 'DATABASE_URL={v}'), (".env", 'REDIS_URL="{v}"'), (".py", 'engine = create_engine("{v}")'), (".js", "mongoose.connect('{v}');"),
    (".yml", "  url: {v}"), (".json", '  "uri": "{v}",'), (".properties", "spring.datasource.url={v}"), (".go", 'db, err := sql.Open("x", "{v}")'),
    (".sh", 'psql "{v}"'), (".tf", '  connection = "{v}"'), (".md", "Connect to `{v}`."), ("Dockerfile", "ENV BROKER_URL={v}"), (".xml", "  <url>{v}</url>"),
    (".rb", "  url: '{v}'"), (".php", "$dsn = '{v}';"), (".conf", "remote = {v}"), (".sh", "git clone {v}"), (".toml", 'url = "{v}"'),
]  # fmt: skip

ADO = [
    "Server={h};Database={w};User Id={u};Password={p};", "Data Source={h};Initial Catalog={w};User ID={u};Password={p}", "Server={h};Uid={u};Pwd={p};Database={w}",
    "Driver={{ODBC Driver 18 for SQL Server}};Server={h};UID={u};PWD={p};", "Host={h};Port=5432;Username={u};Password={p};Database={w}",
    "Server=tcp:{h},1433;Initial Catalog={w};Persist Security Info=False;User ID={u};Password={p};Encrypt=True;",
    "host={h} port=5432 dbname={w} user={u} password={p}", "mongodb://{h}:27017/{w}?user={u}&password={p}",
    "jdbc:sqlserver://{h}:1433;databaseName={w};user={u};password={p}", "jdbc:mysql://{h}/{w}?user={u}&password={p}&useSSL=true",
]  # fmt: skip
ADO_HOLDERS = [
    (".json", '    "DefaultConnection": "{v}"'), (".config", '  <add name="Db" connectionString="{v}" />'), (".cs", 'var cs = "{v}";'), (".env", 'CONNECTION_STRING="{v}"'),
    (".properties", "db.url={v}"), (".py", 'conn = connect("{v}")'), (".java", 'String url = "{v}";'),
]  # fmt: skip


def password(r):
    while True:
        text = r.human_password() if r.chance(0.35) else r.text("alnum", r.number(12, 24)) if r.chance(0.5) else r.machine_password()
        if not any(c in text for c in "@:/?#[]{}<>\"'`&;%+ ,$\\()|^=*"):
            return text


def uri(r):
    scheme = r.choice(SCHEMES)
    secret = password(r)
    port = f":{r.choice([5432, 3306, 6379, 27017, 5672, 1433, 9000])}" if "srv" not in scheme else ""
    user = r.choice([r.word(), "app", "svc_" + r.word(), r.choice(["admin", "root", "deploy"])])
    return f"{scheme}://{user}:{secret}@{r.host()}{port}/{r.word()}", secret


def ado(r):
    secret = password(r)
    text = r.choice(ADO).format(h=r.host(), w=r.word(), u="svc_" + r.word(), p=secret)
    return text, secret


def private_key(r):
    """A private key in PEM and the like: text and its kind."""
    kind = r.choice(["rsa", "rsa", "pkcs8", "pkcs8", "ec", "openssh", "openssh", "pgp"])
    word = "PRIVATE KEY"
    text = {
        "rsa": lambda: checks.pem(f"RSA {word}", checks.rsa_der(r)), "pkcs8": lambda: checks.pem(word, checks.pkcs8(checks.rsa_der(r))),
        "ec": lambda: checks.pem(f"EC {word}", checks.ec_der(r)), "openssh": lambda: checks.pem(f"OPENSSH {word}", checks.openssh(r), 70),
        "pgp": lambda: checks.pgp(r),
    }[kind]()  # fmt: skip
    return text, kind


def hold_key(text, r):
    """A form in which files hold a key: extension, text."""
    one = text.replace("\n", "\\n")
    indented = "\n".join("    " + line for line in text.splitlines())
    quoted = "\n".join(f'    "{line}\\n"' for line in text.splitlines())
    added = " +\n".join(f"    '{line}\\n'" for line in text.splitlines())
    return r.choice([
        (r.choice(["id_rsa", "server.key", "deploy.pem", "key.asc", "tls/private.pem"]), text), (".json", f'  "private_key": "{one}\\n",'), (".yaml", f"tls.key: |\n{indented}"),
        (".env", f'PRIVATE_KEY="{one}"'), (".py", f'KEY = """{text}\n"""'), (".go", f"const key = `{text}`"), (".c", f"static const char key[] =\n{quoted};"),
        (".js", f"const key = {added.lstrip()};"), (".yml", f"  key: {base64.b64encode(text.encode()).decode()}"), (".tf", f"  key = <<EOF\n{text}\nEOF"),
        (".env", f"TLS_KEY_B64={base64.b64encode(text.encode()).decode()}"), (".xml", f"<PrivateKey>{text}</PrivateKey>"),
    ])  # fmt: skip
