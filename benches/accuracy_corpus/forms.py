"""Forms of facts whose structure is told in prose, in the words that facts.atoms understands; and those that need a program."""

import base64

from . import checks

FORMS = {
    "aws-secret-access-key": "40 base64", "azure-devops-pat": '52 alnum + "JQQJ99" + "BF" + 16 alnum + "AZDO" + 4 alnum',
    "google-api-key": '"AIzaSy" + 33 base64url',
    "slack-webhook-url": '"https://hooks.slack.com/services/T" + 10 upper-alnum + "/B" + 10 upper-alnum + "/" + 24 alnum',
    "stripe-live-secret": '"sk_live_" + 24 alnum', "stripe-test-key": '"sk_test_" + 24 alnum', "stripe-live-restricted": '"rk_live_" + 24 alnum',
    "azure-cask-key": '52 alnum + "JQQJ99BF" + "AC" + 14 alnum + "ACOG" + 4 alnum', "azure-cosmosdb-key": '76 base64 + "ACDb" + 6 base64 + "=="',
    "azure-function-key": '44 base64url + "AzFu" + 6 base64url + "=="', "codecov-token": "uuid", "deepseek-api-key": '"sk-" + 32 hex-lower',
    "heroku-api-key-legacy": "uuid", "hubspot-private-app-token": "prefix + uuid", 
    "nuget-api-key": '"oy2" + 43 lower-base32',
    "rapidapi-key": '10 lower-alnum + "msh" + 15 lower-alnum + "p1" + 5 lower-alnum + "jsn" + 12 lower-alnum', "snyk-api-token": "uuid",
    "supabase-secret-key": "prefix + 22 base64url + \"_\" + 8 base64url", "twitter-bearer-token": '"AAAAAAAAAAAAAAAAAAAAA" + 9 alnum + "%3D" + 78 alnum',
    "vault-service-token": '"hvs." + 95 base64url', "asana-pat": '"1/" + 16 digits + ":" + 32 hex-lower', "azure-redis-key": '33 base64 + "AzCa" + 6 base64 + "="',
    "dynatrace-token": '"dt0c01." + 24 upper-alnum + "." + 64 upper-alnum', "flutterwave-secret-key": '"FLWSECK_TEST-" + 32 hex-lower + "-X"',
    "flyio-token": '"FlyV1 fm2_" + 160 base64', "docker-hub-pat-legacy": "uuid", "gitlab-runner-auth-token": '"glrt-" + 20 base64url',
    "hubspot-api-key-legacy": "uuid", "launchdarkly-key": "prefix + uuid", "opsgenie-api-key": "uuid", "plaid-access-token": "prefix + uuid",
    "plaid-secret": "30 hex-lower", "postmark-token": "uuid", "railway-token": "uuid", "npm-legacy-token": "uuid",
    "onepassword-secret-key": '"A3-" + 6 upper-alnum + "-" + 11 upper-alnum + "-" + 5 upper-alnum + "-" + 5 upper-alnum + "-" + 5 upper-alnum',
    "salesforce-access-token": '"00D" + 12 alnum + "!" + 96 alnum', "tailscale-key": '"tskey-auth-" + 12 alnum + "CNTRL-" + 32 alnum',
    "twitter-access-token": '19 digits + "-" + 30 alnum', "aws-mws-auth-token": '"amzn.mws." + uuid', "azure-apim-key": '76 base64 + "APIM" + 6 base64 + "=="',
    "azure-batch-key": '76 base64 + "+ABa" + 6 base64 + "=="', "docker-swarm-join-token": '"SWMTKN-1-" + 50 lower-alnum + "-" + 25 lower-alnum',
    "elastic-cloud-key": '"essu_" + 72 base64', "planetscale-oauth": "prefix + 43 base64url", "slack-session-cookie": '"xoxd-" + 150 base64',
    "buildkite-agent-token": "prefix + 64 base64url", "influxdb-api-token": '86 base64url + "=="', "github-server-to-server": "prefix + 36 alnum",
    "discord-webhook": '"https://discord.com/api/webhooks/" + 18 digits + "/" + 68 base64url', 
    "gc-notify-canadian-digital-service-notify-api-key": '"gcntfy-" + 8 lower-alnum + "-" + uuid + "-" + uuid',
    "algolia-admin-key": "32 hex-lower", "spotify-client-secret": "32 hex-lower", "datadog-app-key": "40 hex-lower", "datadog-api-key": "32 hex-lower",
    "microsoft-teams-webhook": '"https://" + 8 lower + ".webhook.office.com/webhookb2/" + uuid + "@" + uuid + "/IncomingWebhook/" + 32 hex-lower + "/" + uuid',
    "azure-ad-client-secret": '3 alnum + "8Q~" + 34 alnum', "slack-user-token": '"xoxp-" + 12 digits + "-" + 12 digits + "-" + 12 digits + "-" + 32 hex-lower',
    "slack-bot-token": '"xoxb-" + 12 digits + "-" + 12 digits + "-" + 24 alnum',
    "voiceflow-api-key": '"VF.DM." + 24 hex-lower + "." + 16 alnum', "riot-games-api-key": '"RGAPI-" + uuid', "mercado-pago-access-token": '"APP_USR-" + 16 digits + "-" + 6 digits + "-" + 32 hex-lower + "-" + 9 digits',
    "azure-iot-key": '33 base64 + "AIoT" + 6 base64 + "="', "google-fcm-server-key": '"AAAA" + 7 base64url + ":APA91b" + 134 base64url',
    "new-relic-mobile-app-token": '"AA" + 40 hex-lower + "-NRMA"', "airtable-oauth-token": '"oaa" + 14 alnum + ".v1." + 22 base64url + "." + 64 hex-lower',
    "meta-facebook-access-token": '"EAACEdEose0cBA" + 120 alnum', "hex-technologies-api-token": '"hxtp_" + 96 hex-lower',
    "postman-collection-token": '"PMAT-" + 1 one of 0 1 2 3 4 5 6 7 + 25 upper-alnum',
}  # fmt: skip

# Rows about addresses and files: planted by connections.py and files.py, not as tokens.
ELSEWHERE = (
    "connection-string", "private-key-", "-uri", "-url", "pgpass", "netrc", "kubeconfig", "kubernetes-secret", "basic-auth",
    "bearer-auth", "docker-config", "unix-shadow", "htpasswd", "google-service-account", "password-assignment", "curl-user",
    "bip39", "-connection", "pkcs12", "jwk", "wireguard", "azure-sas", "service-bus", "web-pubsub", "app-configuration", "gcp-private-key-id",
    "application-default", "ssh-password", "sshpass", "psexec", "credentials", "workato-developer", "nuget-config", "generic-",
    # Encrypted, an identifier by its own documentation, or a stand-in's: nobody would call it a secret.
    "ansible-vault", "trigger-dev-project-reference", "localstack-simulated",
)

# Rows about an id whose secret is the other half: words of the secret's name, the secret, words of the id's name, the id.
PAIRS = {
    "alibaba-access-key": (["access", "key", "secret"], "30 alnum", ["access", "key", "id"], '"LTAI5t" + 18 alnum'),
    "twilio-account-sid": (["auth", "token"], "32 hex-lower", ["account", "sid"], '"AC" + 32 hex-lower'),
    "twilio-api-key-sid": (["api", "key", "secret"], "32 alnum", ["api", "key", "sid"], '"SK" + 32 hex-lower'),
    "razorpay-key": (["key", "secret"], "24 alnum", ["key", "id"], '"rzp_live_" + 14 alnum'),
    "scaleway-key": (["secret", "key"], "uuid", ["access", "key"], '"SCW" + 17 upper-alnum'),
    "tencent-cloud-key": (["secret", "key"], "32 alnum", ["secret", "id"], '"AKID" + 32 alnum'),
    "twitter-access-token": (["access", "token", "secret"], "45 alnum", ["access", "token"], '19 digits + "-" + 30 alnum'),
    "salesforce-consumer-key": (["consumer", "secret"], "64 hex-upper", ["consumer", "key"], '"3MVG9" + 80 alnum'),
    "digitalocean-spaces-key": (["spaces", "secret"], "43 base64", ["spaces", "key"], '"DO00" + 16 upper-alnum'),
}  # fmt: skip


def b64(data):
    return base64.b64encode(data).decode()


def with_crc62(prefixes, body):
    return lambda row, r: (lambda text, prefix: prefix + text + checks.crc62(text))(r.text("alnum", body), r.choice(prefixes(row)))


def prefixes(row):
    return [prefix for prefix in row["prefixes"].split("|") if prefix]


def first(row):
    return prefixes(row)[0]


def fine_grained(row, r):
    import hashlib

    head = "github_pat_11" + r.text("upper-alnum", 8) + "0" + r.text("alnum", 11) + "_" + r.text("alnum", 43)
    check = base64.b32encode(hashlib.sha256(head.encode()).digest()).decode()[:8]
    return head + check + r.text("alnum", 8)


def grafana(row, r):
    body = "glsa_" + r.text("alnum", 32)
    return body + "_" + checks.little_hex(body)


def confluent(row, r):
    body = r.text("base64", 54)
    return "cflt" + body + b64(checks.crc(body).to_bytes(4, "little"))[:6]


def discord_bot(row, r):
    return f"{checks.url64(str(r.number(10**17, 10**18)).encode())}.{r.text('alnum', 6)}.{r.text('alnum', 38)}"


def openai(row, r):
    half = r.choice([20, 58, 74])
    return r.choice(prefixes(row)) + r.text("alnum", half) + "T3BlbkFJ" + r.text("alnum", half)


def sentry_org(row, r):
    head = {"iat": 1_760_000_000.5, "url": "https://sentry.io", "region_url": "https://us.sentry.io", "org": r.word()}
    return "sntrys_" + b64(checks.compact(head)) + "_" + r.text("alnum", 43)


def seed(version):
    def make(row, r):
        data = version + r.bytes(32)
        return base64.b32encode(data + checks.crc16(data)).decode().rstrip("=")

    return make


def atlassian(row, r):
    body = first(row) + r.text("base64url", 171) + "="
    return body + f"{checks.crc(body):08X}"


def zuplo(row, r):
    body = r.text("lower-alnum", 32)
    return f"zpka_{body}_{checks.crc(body):08x}"


def ngrok(row, r):
    stamp = (r.number(1_600_000_000, 1_750_000_000) - 1_400_000_000).to_bytes(4, "big") + r.bytes(16)
    return checks.number(int.from_bytes(stamp, "big"), checks.BASE62, 27) + "_" + r.text("alnum", 20)


def signed(header, claims, length, signature=43):
    """A JSON Web Token with a payload of about `length` characters: facts that tell of its form only by its length."""

    def make(row, r):
        data = dict(claims)
        spare = length * 3 // 4 - len(checks.compact(data)) - 9
        data["jti"] = r.text("hex-lower", max(8, spare))
        return f"{checks.url64(header.encode())}.{checks.url64(checks.compact(data))}.{r.text('base64url', signature)}"

    return make


HS, HS_JWT, JWT_HS, JWT_RS = '{"alg":"HS256"}', '{"alg":"HS256","typ":"JWT"}', '{"typ":"JWT","alg":"HS256"}', '{"typ":"JWT","alg":"RS256"}'

MADE = {
    "base64-pem-encoded-private-key": lambda row, r: b64(checks.pem("RSA PRIVATE KEY", checks.rsa_der(r)).encode()),
    "appfollow-api-token": signed(JWT_HS, {}, 74), "calendly-personal-access-token": signed('{"kid":"1ce1e13617dcf766b3cebccf8dc5bafa8a65e684023f7c32349b2344b0b4","typ":"PAT","alg":"ES256"}', {"iss": "https://auth.calendly.com", "iat": 1_760_000_000}, 280, 86),
    "formio-jwt-token": signed(HS_JWT, {"form": {"_id": "auth"}, "iat": 1_760_000_000}, 260), "lemonsqueezy-api-key": signed(JWT_RS, {"aud": "94d59cef-dbb8-4ea5-b178-d2540fcd6919"}, 314, 512),
    "stripo-jwt-token": signed(HS, {"exp": 1_990_000_000}, 130), "web3-storage-api-key": signed(HS_JWT, {"iss": "web3-storage", "iat": 1_760_000_000_000}, 180),
    "caflou-api-key-2": signed(HS, {"exp": 1_990_000_000}, 90), "carto-api-access-token-jwt": signed(HS, {"a": "ac_x"}, 60), "flightlabs-api-key-2": signed(JWT_RS, {"aud": "4"}, 200, 86),
    "livestorm-api-key": signed(HS, {"aud": "api.livestorm.co"}, 178), "livestorm-api-key-2": signed(HS, {"aud": "api.livestorm.co"}, 178), "portainer-api-token-2": signed(HS_JWT, {"id": 1, "exp": 1_990_000_000}, 120),
    "monday-api-token": signed(HS, {"tid": 512345678, "uid": 12345678, "per": "me:write"}, 200), "temporal-cloud-api-key": signed('{"alg":"ES256","kid":"Wvtwaq"}', {"account_id": "a2dd6x", "aud": ["temporal.io"]}, 200, 86),
    "gitlab-runner-authentication-token-routable": lambda row, r: checks.gitlab_routable(f"glrt-t{r.number(1, 3)}_", r), "github-refresh-token": with_crc62(prefixes, 70),
    "jfrog-artifactory-npm-auth-base64": lambda row, r: b64(f"reftkn:01:{r.number(1_700_000_000, 1_799_999_999)}:{r.text('alnum', 27)}".encode()).rstrip("="),
    "age-identity-mlkem768-x25519-secret-key": lambda row, r: checks.bech32("age-secret-key-pq-", r.bytes(32)).upper(),
    "github-pat-classic": with_crc62(prefixes, 30), "github-oauth-token": with_crc62(prefixes, 30), "github-user-to-server": with_crc62(prefixes, 30),
    "npm-access-token": with_crc62(prefixes, 30), "vercel-pat": with_crc62(prefixes, 50), "vercel-ai-gateway-key": with_crc62(prefixes, 50),
    "vercel-app-access-token": with_crc62(prefixes, 50), "vercel-app-refresh-token": with_crc62(prefixes, 50),
    "vercel-integration-token": with_crc62(prefixes, 50), "github-pat-fine-grained": fine_grained, "grafana-service-account": grafana,
    "confluent-api-secret": confluent,
    "pypi-upload-token": lambda row, r: checks.pypi(r.choice(prefixes(row)), r), "aws-access-key-id": lambda row, r: checks.aws_key_id("AKIA", r),
    "jwt": lambda row, r: checks.jwt(r), "private-key-age": lambda row, r: checks.bech32("age-secret-key-", r.bytes(32)).upper(),

    "nostr-nsec": lambda row, r: checks.bech32("nsec", r.bytes(32)), "bitcoin-wif-key": lambda row, r: checks.base58check(b"\x80" + r.bytes(32) + b"\1"),
    "bip32-extended-private-key":
        lambda row, r: checks.base58check(bytes.fromhex("0488ade4") + bytes(9) + r.bytes(32) + b"\0" + b"\1" + r.bytes(31)),
    "stellar-secret-seed": seed(bytes([18 << 3])), "nats-nkey-seed": seed(bytes([18 << 3 | 20 >> 5, 20 << 3 & 0xFF])),
    "openai-project-key": openai, "openai-service-account-key": openai, "openai-admin-key": openai, "discord-bot-token": discord_bot,
    "sentry-org-token": sentry_org, "atlassian-api-token": atlassian, "atlassian-admin-key": atlassian, "bitbucket-access-token": atlassian, "zuplo-consumer-api-key": zuplo,
    "gitlab-pat-routable": lambda row, r: checks.gitlab_routable(first(row), r), "ngrok-authtoken": ngrok,
    "laravel-app-key": lambda row, r: "base64:" + b64(r.bytes(32)),
    "jfrog-reference-token": lambda row, r: b64(f"reftkn:01:{r.number(1_700_000_000, 1_799_999_999)}:{r.text('alnum', 27)}".encode()).rstrip("="),
    "grafana-api-key-legacy": lambda row, r: b64(checks.compact({"k": r.text("alnum", 32), "n": r.word(), "id": r.number(1, 9)})),
    "grafana-cloud-token": lambda row, r: "glc_" + b64(checks.compact({"o": str(r.number(10**5, 10**6)), "n": r.word(), "k": r.text("alnum", 32), "m": {"r": "prod-eu-west-2"}})),
    "mapbox-secret-token": lambda row, r: "sk." + checks.url64(checks.compact({"u": r.word(), "a": "c" + r.text("lower-alnum", 24)})) + "." + r.text("base64url", 22),
    "aws-bedrock-api-key-long": lambda row, r: "ABSK" + b64(f"BedrockAPIKey-{r.text('lower-alnum', 4)}-at-{r.number(10**11, 10**12 - 1)}:".encode() + b64(r.bytes(36)).encode()),
    "intercom-access-token": lambda row, r: b64(f"tok:{r.text('hex-lower', 8)}_{r.text('hex-lower', 4)}_{r.text('hex-lower', 20)}:1:0".encode()),
    "jira-data-center-pat": lambda row, r: b64(f"{r.number(10**11, 10**12 - 1)}:".encode() + r.bytes(20)),
    "bitbucket-data-center-token": lambda row, r: "BBDC-" + b64(f"{r.number(10**11, 10**12 - 1)}:".encode() + r.bytes(20)),
    "onepassword-service-account": lambda row, r: "ops_" + b64(checks.compact({"signInAddress": "my.1password.com", "userAuth": {"method": "SRPg-4096", "alg": "PBES2g-HS256", "iterations": 650000, "salt": checks.url64(r.bytes(16))}, "email": f"{r.text('lower-alnum', 12)}@1passwordserviceaccounts.com", "srpX": r.text("hex-lower", 64), "muk": {"alg": "A256GCM", "ext": True, "k": checks.url64(r.bytes(32)), "key_ops": ["encrypt", "decrypt"], "kty": "oct", "kid": "mp"}, "secretKey": "A3-" + r.text("upper-alnum", 32), "throttleSecret": {"seed": r.text("hex-lower", 64), "uuid": r.text("upper-alnum", 26)}, "deviceUuid": r.text("lower-alnum", 26)})).rstrip("="),
}  # fmt: skip
