"""What stands round a planted secret: ordinary lines of a file of its kind."""

BRACE = ["import {a} from '{b}';", "export function {a}{B}(input) {{", "  return {a}.map((item) => item.{b});", "}}", "// {a} the {b} before the {c}", "  if (!{a}.{b}) return null;", "  const {a} = await load{B}({n});",
         "  log.info('{a} {b} done', {{ {c}: {n} }});", "", "  for (const {a} of {b}s) {{", "  }}", "  total += {a}.amount * {n};"]  # fmt: skip
C = ["#include <{a}.h>", "static int {a}_{b}(int {c}) {{", "    return {c} + {n};", "}}", "", "/* {a} keeps the {b} */", "    if ({a} == NULL) return -1;", "    {a}->{b} = {n};", "    for (int i = 0; i < {n}; i++) {{", "    }}"]
JVM = ["package com.{a}.{b};", "import java.util.List;", "public class {A}{B} {{", "    private final List<{A}> {b}s;", "    public int {a}Count() {{ return {n}; }}", "    // {a} before {b}", "    log.info(\"{a} {b} {{}}\", {c});", "", "}}", "    @Override"]
PY = ["import {a}", "from {a}.{b} import {C}", "def {a}_{b}({c}):", '    """Collects the {a} of a {b}."""', "    return {c} + {n}", "", "class {A}{B}:", "    {a} = {n}", "    for {a} in {b}s:", "        total += {a}.amount", "# {a} first, then {b}", 'logger.info("{a} %s", {b})', "TIMEOUT = {n}"]
RUBY = ["require '{a}'", "class {A}{B}", "  def {a}", "    @{b} ||= {n}", "  end", "end", "", "# {a} before {b}", "  validates :{a}, presence: true"]
YAML = ["# {a} of {b}", "{a}:", "  {b}: {n}", "  {c}: {a}-{b}", "  enabled: true", "    replicas: {n}", "  image: {a}/{b}:1.{n}", "  host: {a}.internal", "  labels:", "    app: {a}", "  timeout: {n}s"]
JSON = ['  "{a}": {n},', '  "{b}": "{c}",', '  "enabled": true,', '  "{a}_{b}": ["{c}", "{a}"],', '  "timeout": {n},']
SHELL = ["#!/bin/sh", "set -e", "# {a} the {b}", "cd /opt/{a}", 'echo "starting {a}"', "mkdir -p /var/lib/{a}", "if [ -f /etc/{a}.conf ]; then", "fi", "LOG_LEVEL=info", "PORT={n}", "make {a}", ""]
XML = ['<?xml version="1.0" encoding="UTF-8"?>', "<{a}>", "  <{b}>{n}</{b}>", "  <enabled>true</enabled>", "</{a}>", "<!-- {a} of {b} -->", '  <{b} name="{c}"/>']
INI = ["[{a}]", "{b} = {n}", "host = {a}.internal", "# {a} settings", "; {b}", "enabled = true", "level = info", "", "{c}_timeout = {n}"]
ENV = ["# {a}", "PORT={n}", "APP_ENV=production", "LOG_LEVEL=info", "{A}_HOST={a}.internal", "FEATURE_{B}=true", "", "{A}_TIMEOUT={n}"]
SQL = ["-- {a} of {b}", "CREATE TABLE {a} (id INT PRIMARY KEY, {b} TEXT);", "SELECT {b} FROM {a} WHERE id = {n};", "", "ALTER TABLE {a} ADD COLUMN {c} INT;"]
MD = ["# {A} {b}", "", "Start the {a} with `make {b}`.", "The {a} needs a {b} before the {c}.", "- {a} of {b}", "1. Open the {c}.", "```", "See also the {a}."]
TF = ['resource "null_resource" "{a}" {{', "  count = {n}", "}}", "# {a}", '  region = "eu-west-{n}"', "  tags = {{ app = \"{b}\" }}", ""]
DOCKER = ["FROM {a}/{b}:1.{n}", "WORKDIR /srv/{a}", "COPY . .", "RUN make {b}", "EXPOSE {n}", "# {a}", 'CMD ["./{a}"]']

BY_END = {
    ".js": BRACE, ".ts": BRACE, ".dart": BRACE, ".php": BRACE, ".c": C, ".cpp": C, ".m": C, ".h": C, ".go": C, ".rs": C, ".swift": C, ".java": JVM, ".cs": JVM, ".kt": JVM, ".scala": JVM,
    ".groovy": JVM, ".py": PY, ".jl": PY, ".rb": RUBY, ".exs": RUBY, ".pl": RUBY, ".lua": SHELL, ".yaml": YAML, ".yml": YAML, ".json": JSON, ".ipynb": JSON, ".sh": SHELL, ".ps1": ENV, ".xml": XML,
    ".plist": XML, ".config": XML, ".ini": INI, ".toml": INI, ".conf": INI, ".properties": ENV, ".env": ENV, ".sql": SQL, ".md": MD, ".tf": TF, "Dockerfile": DOCKER, ".log": SHELL, ".csv": [],
}  # fmt: skip


def lines(name, count, r):
    """`count` ordinary lines of a file called `name`."""
    forms = next((forms for end, forms in BY_END.items() if name.endswith(end)), INI)
    out = []
    for _ in range(count if forms else 0):
        a, b, c = r.word(), r.word(), r.word()
        out.append(r.choice(forms).format(a=a, b=b, c=c, A=a.capitalize(), B=b.capitalize(), C=c.capitalize(), n=r.number(1, 90)))
    return out
