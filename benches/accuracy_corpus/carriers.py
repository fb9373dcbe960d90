"""Carriers: the forms in which a name and its value stand in files of each kind.

A form is (kind of file, style of the name, text). In the text `{n}` is the name, `{v}` the value, `{a}` and `{b}` its two
halves. A value may stand in a form only if it holds none of the form's forbidden characters.
"""

import re

# kind -> (extension, style, quote characters that the value must not hold, forms)
CODE = {
    "python": (".py", "snake CONST", "\"'\\", [
        '{n} = "{v}"', "{n} = '{v}'", "    self.{n} = '{v}'", 'client = Client({n}="{v}", timeout=30)', 'config["{n}"] = "{v}"',
        "settings = {{'{n}': '{v}', 'debug': False}}", '{n}: str = "{v}"', 'os.environ["{n}"] = "{v}"', '{n} = os.getenv("{N}", "{v}")',
        'parser.add_argument("--{k}", default="{v}")', '    {n}=b"{v}",', 'session.headers.update({{"{n}": "{v}"}})', "{n} = f'{v}'",
        'self.{n} = config.get("{n}") or "{v}"', 'if {n} == "{v}":']),
    "javascript": (".js", "camel CONST", "\"'`\\$", [
        'const {n} = "{v}";', "let {n} = '{v}';", "  {n}: '{v}',", 'module.exports.{n} = "{v}";', "process.env.{n} = '{v}';",
        "const {n} = process.env.{N} || '{v}';", 'axios.post(url, {{ {n}: "{v}" }});', "config.{n} = `{v}`;", '  "{n}": "{v}",',
        "const {n} = process.env.{N} ?? '{v}';", 'window.{n}="{v}";']),
    "typescript": (".ts", "camel CONST", "\"'`\\$", [
        "const {n}: string = '{v}';", "  private readonly {n} = '{v}';", "export const {n} = '{v}' as const;", "  {n}: '{v}',",
        "  private {n}: string = \"{v}\";"]),
    "java": (".java", "camel CONST", "\"\\", [
        'private static final String {n} = "{v}";', 'String {n} = "{v}";', 'props.put("{n}", "{v}");', 'builder.{n}("{v}")',
        'props.setProperty("{n}", "{v}");', 'client.set{P}("{v}");', '@Value("${{{d}:{v}}}")', 'System.setProperty("{d}", "{v}");']),
    "csharp": (".cs", "Pascal camel", "\"\\", [
        'private const string {n} = "{v}";', 'public string {n} {{ get; set; }} = "{v}";', 'var {n} = "{v}";', 'new Credential {{ {n} = "{v}" }};',
        'string {n} = @"{v}";', 'options.{n} = "{v}";']),
    "cpp": (".cpp", "snake camel CONST", "\"\\", [
        'const std::string {n} = "{v}";', '#define {n} "{v}"', 'std::string {n}("{v}");', 'config.{n} = "{v}";', 'static const char {n}[] = "{v}";',
        'auto {n} = std::string{{"{v}"}};']),
    "c": (".c", "snake CONST", "\"\\%", [
        'const char *{n} = "{v}";', '#define {n} "{v}"', 'static char {n}[64] = "{v}";', '    .{n} = "{v}",', 'strcpy({n}, "{v}");']),
    "go": (".go", "camel Pascal", "\"`\\", [
        '{n} := "{v}"', 'const {n} = "{v}"', 'var {n} string = "{v}"', '\t{n}: "{v}",', 'os.Setenv("{N}", "{v}")', '{n} := []byte("{v}")',
        '\t{n} = `{v}`']),
    "rust": (".rs", "snake CONST", "\"\\", [
        'let {n} = "{v}";', "const {n}: &str = \"{v}\";", '    {n}: "{v}".to_string(),', 'static {n}: &\'static str = "{v}";',
        '    {n}: String::from("{v}"),', '.{n}("{v}")', 'let {n} = Some("{v}");']),
    "php": (".php", "snake CONST", "\"'\\$", [
        "$" + "{n} = '{v}';", "define('{n}', '{v}');", "    '{n}' => '{v}',", "$this->{n} = \"{v}\";", "$config['{n}'] = '{v}';",
        "const {n} = '{v}';", "putenv('{N}={v}');", "    '{n}' => env('{N}', '{v}'),"]),
    "ruby": (".rb", "snake CONST", "\"'\\#", [
        "{n} = '{v}'", '  {n}: "{v}",', ":{n} => '{v}',", "ENV['{N}'] = '{v}'", "  config.{n} = '{v}'", "{n} = ENV.fetch('{N}', '{v}')",
        "  @{n} = \"{v}\""]),
    "kotlin": (".kt", "camel CONST", "\"\\$", [
        'val {n} = "{v}"', 'const val {n}: String = "{v}"', 'private val {n} by lazy {{ "{v}" }}', '    {n} = "{v}",']),
    "swift": (".swift", "camel", "\"\\", ['let {n} = "{v}"', 'static let {n}: String = "{v}"', 'request.setValue("{v}", forHTTPHeaderField: "{n}")']),
    "scala": (".scala", "camel", "\"\\$", ['val {n} = "{v}"', 'val {n}: String = "{v}"', '.option("{n}", "{v}")', '  "{n}" -> "{v}",']),
    "perl": (".pl", "snake", "\"'\\$@%", ["my $" + "{n} = '{v}';", "  {n} => '{v}',", '$' + 'ENV{{{N}}} = "{v}";', "use constant {N} => '{v}';"]),
    "r": (".R", "snake dotted", "\"'\\", ['{n} <- "{v}"', 'Sys.setenv({N} = "{v}")', '{n} = "{v}"', '  {n} = "{v}",']),
    "dart": (".dart", "camel", "\"'\\$", ["const String {n} = '{v}';", "final {n} = '{v}';", "  '{n}': '{v}',"]),
    "lua": (".lua", "snake", "\"'\\", ['local {n} = "{v}"', "  {n} = '{v}',", 'ngx.var.{n} = "{v}"', '["{n}"] = "{v}",']),
    "elixir": (".exs", "snake", "\"\\#", ['  {n}: "{v}",', '@{n} "{v}"', 'System.put_env("{N}", "{v}")', 'config :app, {n}: "{v}"']),
    "haskell": (".hs", "camel", "\"\\", ['{n} = "{v}"', '  {n} = "{v}",', '  ("{n}", "{v}"),']),
    "objectivec": (".m", "camel", "\"\\%", ['static NSString *const {n} = @"{v}";', 'NSString *{n} = @"{v}";', '@"{n}": @"{v}",']),
    "powershell": (".ps1", "camel Pascal", "\"'`$", ["$" + "{n} = '{v}'", '$' + 'env:{N} = "{v}"', "Connect-Service -{n} '{v}'",
        '$' + '{n} = ConvertTo-SecureString "{v}" -AsPlainText -Force', "    {n} = '{v}'"]),
    "groovy": (".groovy", "camel", "\"'\\$", ["def {n} = '{v}'", "    {n} '{v}'", "ext.{n} = \"{v}\"", "        {n} = '{v}'"]),
    "vb": (".vb", "Pascal", "\"", ['Dim {n} As String = "{v}"', 'Const {n} = "{v}"', 'config.{n} = "{v}"']),
    "clojure": (".clj", "kebab", "\"\\", ['(def {n} "{v}")', ':{n} "{v}"']),
    "julia": (".jl", "snake", "\"\\$", ['{n} = "{v}"', 'ENV["{N}"] = "{v}"', 'const {n} = "{v}"']),
    "matlab": (".m", "camel", "\"'", ["{n} = '{v}';", 'opts.{n} = "{v}";']),
    "sql": (".sql", "snake", "'\"\\", ["INSERT INTO settings (name, value) VALUES ('{n}', '{v}');", "UPDATE settings SET {n} = '{v}' WHERE id = 1;",
        "SET @{n} = '{v}';", "  {n} => '{v}',"]),
}  # fmt: skip

BARE = "\"'`#;, \t$\\&|<>()*?[]{}!~"
CONFIG = {
    "shell": (".sh", "CONST snake", "\"'`$\\!", ['export {n}="{v}"', "export {n}='{v}'", '{n}="{v}"', "local {n}='{v}'", 'readonly {n}="{v}"',
        '{n}="${{{n}:-{v}}}"', 'declare -x {n}="{v}"', 'kubectl create secret generic app --from-literal={k}="{v}"']),
    "shell bare": (".sh", "CONST", BARE, ["export {n}={v}", "{n}={v} ./run.sh", "{n}={v}", "env {n}={v} make deploy"]),
    "flags": (".sh", "kebab", BARE, ["mytool --{n}={v} --verbose", "mytool --{n} {v} --region eu-west-1", "mytool --{n} '{v}' push",
        "helm upgrade app ./chart --set auth.{c}={v}", "docker run -e {N}={v} app:latest", "docker run --env {N}={v} -d app", "terraform apply -var {s}={v}",
        "java -D{d}={v} -jar app.jar", "mytool login -{n} {v}", "gh secret set {N} --body {v}"]),
    "env": (".env", "CONST", BARE.replace("!", "").replace("*", "").replace("?", "").replace("&", "").replace("(", "").replace(")", ""),
        ["{n}={v}", "{n}={v}", "export {n}={v}", "{n}={v} # rotated by ops"]),
    "env quoted": (".env", "CONST", "\"\\$", ['{n}="{v}"', "{n}='{v}'"]),
    "yaml": (".yaml", "snake camel kebab CONST", ":#'\"&*!|>%@`{}[], \\", ["{n}: {v}", "  {n}: {v}", "    - {n}: {v}", "  {n}: {v}  # do not share"]),
    "yaml quoted": (".yml", "snake camel kebab CONST", "\"\\", ['{n}: "{v}"', '  {n}: "{v}"', '    {n}: "{v}" # prod', '    - name: {N}\n      value: "{v}"',
        '  - {{name: {N}, value: "{v}"}}', '      - "{N}={v}"']),
    "json": (".json", "camel snake CONST", "\"\\", ['  "{n}": "{v}",', '  "{n}" : "{v}"', '{{"name": "{n}", "value": "{v}"}},', '{{"{n}":"{v}","active":true}}',
        '    {{"key": "{N}", "value": "{v}", "enabled": true}},']),
    "toml": (".toml", "snake kebab", "\"\\", ['{n} = "{v}"', "{n} = '{v}'", '{n} = "{v}" # production', '{g} = {{ user = "svc", {n} = "{v}" }}']),
    "ini": (".ini", "snake kebab", ";#\"'", ["{n} = {v}", "{n}={v}", "{n}: {v}"]),
    "properties": (".properties", "dotted", ":=#!\\ ", ["{n}={v}", "{n} = {v}", "{n}: {v}"]),
    "xml": (".xml", "camel Pascal kebab snake", "<>&\"", ["  <{n}>{v}</{n}>", '  <add key="{n}" value="{v}" />', '  <entry key="{n}">{v}</entry>', '  <property name="{n}" value="{v}"/>',
        '  <server url="https://x.corp" {n}="{v}" />', '  <string name="{n}">{v}</string>', '  <param name="{n}">{v}</param>', "  <{n}>\n    {v}\n  </{n}>"]),
    "plist": (".plist", "camel", "<>&\"", ["  <key>{n}</key>\n  <string>{v}</string>"]),
    "hcl": (".tf", "snake", "\"\\$%", ['  {n} = "{v}"', 'variable "{n}" {{\n  type    = string\n  default = "{v}"\n}}', '    {n}    = "{v}"']),
    "dockerfile": ("Dockerfile", "CONST", BARE, ["ENV {n}={v}", "ENV {n} {v}", "ARG {n}={v}", 'ENV {n}="{v}"', "RUN {n}={v} pip install .", "ENV APP=1 {n}={v}"]),
    "compose": ("docker-compose.yml", "CONST", ":#'\"&*!|>%@`{}[], \\$", ["      {n}: {v}", "      - {n}={v}", '      - "{n}={v}"']),
    "workflow": (".github/workflows/ci.yml", "CONST", ":#'\"&*!|>%@`{}[], \\$", ["          {n}: {v}", "      run: echo {v} | tool login --{k}-stdin", "          {k}: {v}", "        {n}: '{v}'"]),
    "ansible": ("group_vars/all.yml", "snake", ":#'\"&*!|>%@`{}[], \\", ["{n}: {v}", '{n}: "{v}"', "  - name: x\n    vars:\n      {n}: {v}", "db1 ansible_host=10.0.0.7 {n}={v}"]),
    "django": ("settings.py", "CONST", "\"'\\", ["{n} = '{v}'", "        '{n}': '{v}',", "{n} = env('{n}', default='{v}')"]),
    "spring": ("application.properties", "dotted", ":=#!\\ $", ["spring.{n}={v}", "app.{n}={v}"]),
    "springyaml": ("application.yml", "kebab", ":#'\"&*!|>%@`{}[], \\$", ["    {n}: {v}", "      {n}: ${{{N}:{v}}}"]),
    "rails": ("config/secrets.yml", "snake", ":#'\"&*!|>%@`{}[], \\", ["  {n}: {v}", '  {n}: "{v}"', "  {n}: <%= ENV['{N}'] || '{v}' %>"]),
    "aspnet": ("appsettings.json", "Pascal", "\"\\", ['    "{n}": "{v}",', '  "{n}": "{v}"']),
    "webconfig": ("Web.config", "Pascal", "<>&\"", ['    <add key="{n}" value="{v}" />', '    <setting name="{n}"><value>{v}</value></setting>']),
    "notebook": (".ipynb", "snake CONST", "\"'\\", ['    "{n} = \'{v}\'\\n",', '    "{n} = \\"{v}\\"\\n",', '    "os.environ[\'{N}\'] = \'{v}\'\\n",']),
    "http": (".http", "Header", "\"\r\n", ["{n}: {v}", "Authorization: Bearer {v}", "Authorization: Token {v}", "{n}:{v}"]),
    "curl": (".sh", "Header", "\"'`$\\", ["curl -H '{n}: {v}' https://api.corp.io/v1", 'curl -s -H "Authorization: Bearer {v}" $URL', 'curl --header "{n}: {v}" -X POST "$URL"',
        "curl -d '{s}={v}' https://api.corp.io/login"]),
    "url query": (".md", "snake", "\"'`$\\&# <>()[]{}%+/?^*!", ["Open https://api.corp.io/v2/items?{n}={v}&limit=10", "<https://api.corp.io/x?page=2&{n}={v}>"]),
    "log": (".log", "snake", "\"'`\\ ,;&", ['2026-03-01 12:00:01 INFO config loaded {n}={v} retries=3', '[debug] request body: {{"{n}":"{v}"}}', "DEBUG auth {n}: {v}"]),
    "markdown": (".md", "CONST snake", "\"'`\\", ["Use `{n}={v}` for now.", "- {n}: `{v}`", "| {n} | {v} |", "    {n}={v}", "**{n}**: {v}"]),
    "csv": (".csv", "snake", "\"',\\;", ["prod,{n},{v},2026-01-01", '"prod","{n}","{v}"']),
    "nix": (".nix", "camel", "\"\\$", ['  {n} = "{v}";']),
    "nginx": (".conf", "snake", "\"'\\;{}$ ", ["    proxy_set_header X-{n} \"{v}\";", "    set ${n} {v};", '    {n} "{v}";']),
}  # fmt: skip

HALVED = "\"'\\`$#%"
MULTILINE = {
    "concatenation": (".js", "camel", HALVED, ['const {n} = "{a}" + "{b}";', "const {n} = '{a}' +\n  '{b}';", 'const {n} = ["{a}", "{b}"].join("");']),
    "concatenation java": (".java", "camel CONST", HALVED, ['String {n} = "{a}" + "{b}";', 'private static final String {n} = "{a}"\n    + "{b}";']),
    "concatenation php": (".php", "snake", HALVED, ["$" + "{n} = '{a}' . '{b}';"]),
    "concatenation python": (".py", "snake", HALVED, ['{n} = "{a}" "{b}"', '{n} = (\n    "{a}"\n    "{b}"\n)', '{n} = "{a}" + "{b}"', "{n} = '{a}' \\\n    '{b}'"]),
    "concatenation c": (".c", "snake", HALVED, ['const char *{n} = "{a}"\n    "{b}";']),
    "concatenation csharp": (".cs", "Pascal", HALVED, ['string {n} = "{a}" + "{b}";', 'var {n} = "{a}" +\n    "{b}";']),
    "continuation": (".sh", "CONST", BARE, ["export {n}=\\\n{v}", '{n}="{a}\\\n{b}"', "mytool login \\\n  --{k} {v} \\\n  --region eu"]),
    "heredoc": (".sh", "CONST snake", BARE, ["cat > .env <<EOF\n{n}={v}\nEOF", "cat <<'EOF' > app.yml\n{n}: {v}\nEOF", "mysql <<SQL\nSET {s} = '{v}';\nSQL"]),
    "heredoc hcl": (".tf", "snake", "\"\\$%", ["  {n} = <<EOT\n{v}\nEOT"]),
    "yaml block": (".yaml", "snake camel", "\\\"", ["{n}: |\n  {v}", "  {n}: >-\n    {v}", "{n}:\n  {v}"]),
    "json next line": (".json", "camel snake", "\"\\", ['  "{n}":\n    "{v}",']),
    "triple quotes": (".py", "snake CONST", "\"\\", ['{n} = """{v}"""', '{n} = """\n{v}\n"""']),
    "text block": (".java", "camel", "\"\\", ['String {n} = """\n    {v}\n    """;']),
    "call over lines": (".java", "camel", "\"\\", ['config.put(\n    "{n}",\n    "{v}");', 'String {n} =\n    "{v}";']),
    "wrapped assignment": (".py", "snake", "\"\\", ['{n} = (\n    "{v}"\n)', '{n} = \\\n    "{v}"', 'connect(\n    {n}="{v}",\n)', '{n} = [\n    "{v}",\n]']),
}  # fmt: skip

ALL = {**CODE, **CONFIG, **MULTILINE}


def styled(words, style):
    """A name of `words` in one of the styles."""
    capital = [word.capitalize() for word in words]
    return {
        "snake": "_".join(words), "CONST": "_".join(words).upper(), "kebab": "-".join(words), "dotted": ".".join(words),
        "camel": words[0] + "".join(capital[1:]), "Pascal": "".join(capital), "Header": "X-" + "-".join(capital),
    }[style]  # fmt: skip


def fits(kind, value):
    return not any(c in ALL[kind][2] for c in value) and (kind not in MULTILINE or len(value) >= 12)


def carry(kind, words, value, r):
    """The value under a name of `words` as a file of this kind has it: text, and whether halves were used."""
    _, styles, _, forms = ALL[kind]
    form = r.choice(forms)
    style = r.choice(styles.split())
    half = len(value) // 2
    text = form.format(
        n=styled(words, style), N=styled(words, "CONST"), P=styled(words, "Pascal"), c=styled(words, "camel"), d=styled(words, "dotted"), k=styled(words, "kebab"),
        s=styled(words, "snake"), g=words[0], v=value, a=value[:half], b=value[half:],
    )  # fmt: skip
    return text, form


def slug(text):
    """Words of a provider's or kind's name that can stand in an identifier."""
    text = re.sub(r"\(.*?\)", "", text)
    return [word.lower() for word in re.findall(r"[A-Za-z][A-Za-z0-9]*", text)][:2]
