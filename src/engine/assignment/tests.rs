//! The forms that the scanner reads, and those that it must not take for one.

use super::{Operator, Quoting, read};

fn parse(text: &str, keyword: &str) -> Option<(String, String, Quoting)> {
    let at = text.find(keyword).expect("keyword there");
    let found = read(text.as_bytes(), at..at + keyword.len()).found?;
    let value = String::from_utf8_lossy(found.value(text.as_bytes())).into_owned();
    Some((text[found.name].to_owned(), value, found.quoting))
}

#[test]
fn every_common_form_is_read() {
    let double = Quoting::Quoted(b'"');
    let single = Quoting::Quoted(b'\'');
    for (text, name, value, quoting) in [
        ("DB_PASSWORD=abc!23\n", "DB_PASSWORD", "abc!23", Quoting::Bare), // keysweep:allow made up
        ("export password='abc 23'", "password", "abc 23", single),
        ("\"db.password\": \"x\\\"y\",", "db.password", "x\\\"y", double),
        ("  password: v4lue # note", "password", "v4lue", Quoting::Bare), // keysweep:allow made up
        ("  password: djRsdWU=\n", "password", "djRsdWU=", Quoting::Bare), // keysweep:allow made up
        ("let my_password: &'static str = \"vv\";", "my_password", "vv", double),
        ("password string = `vv`", "password", "vv", Quoting::Quoted(b'`')),
        ("config['password'] = 'vv'", "password", "vv", single),
        ("map.put(\"password\", \"vv\")", "password", "vv", double),
        ("set_password(\"vv\")", "set_password", "vv", double),
        ("<password>vv</password>", "password", "vv", Quoting::Element),
        ("--password vv next", "--password", "vv", Quoting::Bare),
        ("password => 'vv',", "password", "vv", single),
        ("password := \"vv\"", "password", "vv", double),
        ("password :::= vv\n", "password", "vv", Quoting::Bare),
        ("$password .= \"vv\";", "password", "vv", double),
        ("the password - 'vv'", "password", "vv", single),
        ("std::string password{\n    \"vv\"\n};", "password", "vv", double),
        ("final String password\n        = \"vv\";", "password", "vv", double),
        ("my_password ||\n  \"vv\";", "my_password", "vv", double),
        ("%define password vvvvv\n", "password", "vvvvv", Quoting::Bare),
        ("password API key: vvvvv\n", "password API key", "vvvvv", Quoting::Bare),
        ("Using password Key=vvvvv\n", "password Key", "vvvvv", Quoting::Bare),
        ("set_password(Base64.decode(\"vv\"))", "set_password", "vv", double),
        ("password: bytes.fromhex('vv')", "password", "vv", single),
        ("{\\\"password\\\": \\\"vv\\\"}", "password", "vv", double),
        ("X-password: Bearer vvv\r\n", "X-password", "vvv", Quoting::Bare),
        ("password = get(x)", "password", "get(x", Quoting::BareInside),
        ("static char password[64] = \"vv\";", "password", "vv", double),
        ("public string password { get; set; } = \"vv\";", "password", "vv", double),
        ("Dim password As String = \"vv\"", "password", "vv", double),
        ("$ENV{password} = 'vv';", "password", "vv", single),
        ("\"password\" -> \"vv\",", "password", "vv", double),
        ("password=vv ./run", "password", "vv", Quoting::Bare),
        ("GET /x?password=vv&y=1 HTTP", "password", "vv", Quoting::Bare),
        ("\"Host=db;password=vv;Database=x\"", "password", "vv", Quoting::Bare),
        ("set $password vvvvv;\n", "password", "vvvvv", Quoting::Bare),
        ("| password | vv |", "password", "vv", Quoting::Bare),
        ("Use `password=vv` for now.", "password", "vv", Quoting::Bare),
        ("The password is k9!Vx2pQ, see below", "password", "k9!Vx2pQ", Quoting::Bare), // keysweep:allow made up
        ("The password was: k9!Vx2pQ.\n", "password", "k9!Vx2pQ", Quoting::Bare),       // keysweep:allow made up
        ("The password is `Sunny_day_77` here", "password", "Sunny_day_77", Quoting::Quoted(b'`')), // keysweep:allow made up
        ("**password** `Sunny_day_77`", "password", "Sunny_day_77", Quoting::Quoted(b'`')), // keysweep:allow made up
        ("the password was changed to k9!Vx2pQ\n", "password", "k9!Vx2pQ", Quoting::Bare),  // keysweep:allow made up
        ("let(:password) { 'vv' }", "password", "vv", single),
        ("let!(:password) { \"vv\" }", "password", "vv", double),
        ("mapOf(\"password\" to \"vv\")", "password", "vv", double),
        ("ENV.fetch(\"password\") { \"vv\" }", "password", "vv", double),
        ("password string `json:\"x\" default:\"vv\"`", "password", "vv", double),
        ("#define kpassword @\"vv\"", "kpassword", "vv", double),
        ("if (strcmp(password, \"vv\") == 0)", "password", "vv", double),
        ("\"vv\" -> password\n", "password", "vv", double),
        ("QString password = QStringLiteral(\"vv\");", "password", "vv", double),
        ("let password = SecretString::new(\"vv\".into());", "password", "vv", double),
        ("setValue(\"db/password\", \"vv\")", "password", "vv", double),
        ("SetEnv password vvvvv\n", "password", "vvvvv", Quoting::Bare),
        ("${password}    vvvvv\n", "password", "vvvvv", Quoting::Bare),
        ("- {user: x, password: sunny77}\n", "password", "sunny77", Quoting::Bare), // keysweep:allow made up
        ("{password: sunny77, user: x}\n", "password", "sunny77", Quoting::Bare),   // keysweep:allow made up
        ("password = sunny77 }\n", "password", "sunny77", Quoting::Bare),           // keysweep:allow made up
        ("h:6380,password=q7Gf0ZxT2mV8LkWp,ssl=True", "password", "q7Gf0ZxT2mV8LkWp", Quoting::Bare), // keysweep:allow made up
        ("0 3 * * * MYSQL_password=vv7 /usr/bin/x\n", "MYSQL_password", "vv7", Quoting::Bare), // keysweep:allow made up
        ("<add value=\"vv\" key=\"password\" />", "password", "vv", double),
        ("<password type=\"plain\">vv</password>", "password", "vv", Quoting::Element),
        ("<wsse:password Type=\"PasswordText\">vv</wsse:password>", "password", "vv", Quoting::Element),
        ("aws configure set password vvvvv\n", "password", "vvvvv", Quoting::Bare),
        ("output \"password\" { value = \"vv\" }", "password", "vv", double),
        ("<name>password</name>\n  <value>vv</value>", "password", "vv", Quoting::Element),
        ("<param-name>password</param-name><param-value>vv</param-value>", "password", "vv", Quoting::Element),
        ("const password = process.env.X || 'vv';", "password", "vv", single),
        ("config.password = ENV['X'] || \"vv\"", "config.password", "vv", double),
        ("val password = System.getenv(\"X\") ?: \"vv\"", "password", "vv", double),
        ("<con:password>vv</con:password>", "password", "vv", Quoting::Element),
        ("<Key>password</Key><Value ProtectInMemory=\"True\">vv</Value>", "password", "vv", Quoting::Element),
        (".password(\"{noop}vv\")", ".password", "vv", double),
        ("| name | password |\n|---|:--|\n| bob | `vv` |\n", "password", "vv", Quoting::Bare),
        ("INSERT INTO u (name, password) VALUES ('bob', 'vv');", "password", "vv", single),
        ("insert into `u` (`name`, `password`, `at`)\n  values (UPPER('x'), 'vv', NOW());", "password", "vv", single),
        ("   05 MY-password PIC X(12) VALUE \"vv\".", "MY-password", "vv", double),
        ("id,user,password,role\n1,bob,vv,admin\n", "password", "vv", Quoting::Bare),
        ("\"user\";\"password\"\r\n\"bob\";\"v,v\"\r\n", "password", "v,v", double),
        ("password\tuser\nvv\tbob", "password", "vv", Quoting::Bare),
        ("password = \"token vvv\"", "password", "vvv", double),
        ("password = \"token able about above\"", "password", "token able about above", double),
        ("**password**: vv\n", "password", "vv", Quoting::Bare),
    ] {
        assert_eq!(
            parse(text, if text.contains("PASS") { "PASSWORD" } else { "password" }),
            Some((name.to_owned(), value.to_owned(), quoting)),
            "{text}"
        );
    }
    for text in [
        "password",
        "the password is",
        "the password is required",
        "the password is sha256-hashed",
        "f(user, password, host)\ng(a, b, c)",
        "user,password\nbob",
        "user,password\nbob,vv,more",
        "user,password\n",
        "password()",
        "password::new",
        "password = \n",
        "the password - a word",
        "password {\"vv\": 7}",
        "password {\"vv\"\n\"ww\"}",
        "password\n= \"vv\"",
        "  password\n  == \"vv\"",
        "password key word: vv",
        "x password key::new y",
        "the password -'vv'",
        "password == ",
    ] {
        assert_eq!(parse(text, "password"), None, "{text}");
    }
}

#[test]
fn heads_begin_a_table_and_are_all_names() {
    for text in [
        "user,password\nbob,vv",
        "\nuser,password\nbob,vv\n",
        " \t\r\n\"First Name\",\"password\"\r\nbob,vv\r\n",
        "# users\n\nuser|password\nbob|vv\n",
        "a\n  \n_id,user.name,password,e-mail\n1,bob,vv,x\n",
    ] {
        assert_eq!(parse(text, "password").map(|found| found.1).as_deref(), Some("vv"), "{text}");
    }
    let long = format!("{}\nuser,password\nbob,vv\n", " ".repeat(200));
    for text in [
        // in the middle of a table, or behind other text
        "id,kind\nuser,password\nbob,vv\n",
        "x\nuser,password\nbob,vv\n",
        "a-token\tA\tstructured\nuser\tpassword\tchecked\nb-key\tB\tchecked\n",
        "\n,\nuser,password\nbob,vv\n",
        // not all of them are names
        "1,password\nbob,vv\n",
        "2024-01-01,password\nbob,vv\n",
        "user,password,7\nbob,vv,8\n",
        "user,password,\nbob,vv,\n",
        "user,password,the hash of it is here\nbob,vv,8\n",
        " ,password\nbob,vv\n",
        // a line too long to be called blank
        &long,
    ] {
        // Another form may take what stands beside it.
        assert_ne!(parse(text, "password").map(|found| found.1).as_deref(), Some("vv"), "{text}");
    }
}

#[test]
fn every_row_of_a_table_has_its_value() {
    let values = |text: &str| -> Vec<String> {
        let at = text.find("password").expect("there");
        let read = read(text.as_bytes(), at..at + 8);
        let all = read.found.iter().chain(&read.others);
        all.map(|found| String::from_utf8_lossy(found.value(text.as_bytes())).into_owned()).collect()
    };
    assert_eq!(values("user,password\na,v1\nb,v2\r\nc,v3"), ["v1", "v2", "v3"]);
    assert_eq!(values("user;password;x\na;\"v;1\";\nb;v2;y\n\nc;v3;z\n"), ["v;1", "v2"]);
    assert_eq!(values("user,password\na,v1\nb\nc,v3\n"), ["v1"]);
    // A row that is not seen whole is none.
    let rows = values(&format!("user,password\n{}", "bob,value-12345\n".repeat(1000)));
    assert!(rows.len() > 90 && rows.iter().all(|row| row == "value-12345"), "{rows:?}");
}

#[test]
fn what_stands_in_front_of_a_table_was_looked_at() {
    for (before, looked) in [("", 0), ("\n", 0), (" \n", 0), ("x\n \n", 1), ("x\n", 0), ("x\n\n", 1)] {
        // The head stands farther from the row's start than anything else looks back.
        let heads = "head,".repeat(15);
        let text = format!("{before}{heads}password\n{}vv\n", "v,".repeat(15));
        let at = text.find("password").expect("there");
        let read = read(text.as_bytes(), at..at + 8);
        assert!(read.looked.start <= looked, "{before:?}: {:?}", read.looked);
    }
}

#[test]
fn values_on_other_lines_and_in_pieces_are_read() {
    for (text, value) in [
        ("password = \"ab\" + \"cd\";", "abcd"),
        ("password = \"ab\" +\n    \"cd\";", "abcd"),
        ("password = (\n    \"ab\"\n    \"cd\"\n)", "abcd"),
        ("password = 'ab' \\\n    'cd'", "abcd"),
        // The next line's key is no piece of it.
        ("password=\"abcd\"\n\"user\": \"x\"", "abcd"),
        ("password: 'abcd'\n'user' => 'x'", "abcd"),
        // Nor what a patch adds below a line that it takes away.
        ("-password = \"abcd\"\n+password = \"efgh\"\n", "abcd"),
        ("$password = 'ab' . 'cd';", "abcd"),
        ("password=\"ab\\\ncd\"", "abcd"),
        ("export password=\\\nabcd\n", "abcd"),
        ("password = \"\"\"\n    abcd\n    \"\"\";", "abcd"),
        ("\"password\":\n  \"abcd\"", "abcd"),
        ("put(\n  \"password\",\n  \"abcd\")", "abcd"),
        ("password: |\n  abcd\n", "abcd"),
        ("password: >-\n  abcd\nx: y", "abcd"),
        ("password:\n  abcd\n", "abcd"),
        ("password = <<EOT\nabcd\nEOT", "abcd"),
        ("<password>\n  abcd\n</password>", "abcd"),
    ] {
        assert_eq!(parse(text, "password").map(|found| found.1).as_deref(), Some(value), "{text}");
    }
    for text in ["password:\n  key: v", "password:\n- abcd\n", "password:\nabcd\n", "<password>\n <x>abcd</x>"] {
        assert_eq!(parse(text, "password"), None, "{text}");
    }
    let partial = read(b"password = \"ab\" + name;", 0..8).found.expect("a value");
    assert!(partial.partial, "a variable belongs to it");
}

#[test]
fn pairs_wrappers_and_defaults_are_read() {
    for (text, value) in [
        ("<add key=\"Db.password\" value=\"vv\" />", "vv"),
        ("<meta-data android:name=\"com.x.password\" android:value=\"vv\"/>", "vv"),
        ("let(:password) { 'vv' }", "vv"),
        ("let!(:password) { \"vv\" }", "vv"),
        ("env::var(\"password\").unwrap_or(\"vv\".into())", "vv"),
        ("sys.env.get(\"password\").getOrElse(\"vv\")", "vv"),
        ("env::var(\"password\").unwrap_or_else(|_| String::from(\"vv\"))", "vv"),
        ("<entry key=\"password\">vv</entry>", "vv"),
        ("<setting name=\"password\"><value>vv</value></setting>", "vv"),
        ("<key>password</key>\n  <string>vv</string>", "vv"),
        ("{\"name\": \"password\", \"value\": \"vv\"}", "vv"),
        ("- name: password\n  value: vv\n", "vv"),
        ("- {name: password, value: \"vv\"}", "vv"),
        ("variable \"password\" {\n  type = string\n  default = \"vv\"\n}", "vv"),
        ("password := []byte(\"vv\")", "vv"),
        ("password: String::from(\"vv\"),", "vv"),
        ("password = Some(\"vv\")", "vv"),
        ("$password = ConvertTo-SecureString \"vv\" -AsPlainText", "vv"),
        ("val password by lazy { \"vv\" }", "vv"),
        ("os.getenv(\"password\", \"vv\")", "vv"),
        ("env('password', default='vv')", "vv"),
        ("process.env.password || 'vv'", "vv"),
        ("process.env.password ?? 'vv'", "vv"),
        ("config.get(\"password\") or \"vv\"", "vv"),
        ("${password:-vv}", "vv"),
        ("@Value(\"${app.password:vv}\")", "vv"),
        ("strcpy(password, \"vv\");", "vv"),
    ] {
        assert_eq!(parse(text, "password").map(|found| found.1).as_deref(), Some(value), "{text}");
    }
    for text in
        ["password = getenv(\"vv\")", "variable \"password\" {\n type = string }", "<key>password</key>\n<true/>"]
    {
        let found = parse(text, "password");
        assert!(found.as_ref().is_none_or(|(_, value, _)| value.ends_with('(')), "{text}: {found:?}");
    }
    let operator = |text: &str| read(text.as_bytes(), 0..5).found.expect("a value").operator;
    assert_eq!(operator("token || \"vv\""), Operator::Default);
}

#[test]
fn values_in_front_of_their_names_are_read() {
    let double = Quoting::Quoted(b'"');
    for (text, name, value, quoting) in [
        ("echo vv | tool login --password-stdin\n", "--password", "vv", Quoting::Bare),
        ("run: printf '%s' \"vv\" | docker login -u u --password-stdin", "--password", "vv", double),
        ("echo -n 'vv' | gh secret set MY_password", "MY_password", "vv", Quoting::Quoted(b'\'')),
        ("r.setValue(\"vv\", forHTTPHeaderField: \"X-password\")", "X-password", "vv", double),
        ("[r setValue:@\"Bearer vv\" forHTTPHeaderField:@\"X-password\"];", "X-password", "vv", double),
        ("{\"value\": \"vv\", \"name\": \"password\"}", "password", "vv", double),
        ("{\n  \"value\": \"vv\",\n  \"name\": \"password\"\n}", "password", "vv", double),
        ("- value: vv\n  name: password\n", "password", "vv", Quoting::Bare),
        ("- value: \"vv\"\n  name: password\n", "password", "vv", double),
    ] {
        assert_eq!(parse(text, "password"), Some((name.to_owned(), value.to_owned(), quoting)), "{text}");
    }
    for text in [
        "cat pw.txt | tool login --password-stdin",
        "echo a b | tool login --password-stdin",
        "echo x; tool login --password-stdin",
        "tool | tool login --password-stdin",
        "call(\"vv\", with: \"password\")",
        "- label: vv\n  name: password\n",
        "- value: vv\n\n  kind: x\n  name: password\n",
        "\"value\": \"vv\", \"other\": 1, \"name\": \"password\"",
        "\"name\": \"password\"",
        "value: password",
    ] {
        assert_eq!(parse(text, "password"), None, "{text}");
    }
}

#[test]
fn commands_arrays_and_other_literals_are_read() {
    for (text, value) in [
        ("gh secret set A_password --body vv\n", "vv"),
        ("gh secret set A_password -b\"vv\" --repo a/b\n", "vv"),
        ("gh variable set A_password --repo a/b --body='vv'\n", "vv"),
        ("aws ssm put-parameter --name /prod/password --type String \\\n  --value vv\n", "vv"),
        ("wrangler secret put A_password <<< vv\n", "vv"),
        ("dotnet user-secrets set \"Db:password\" \"vv\"\n", "vv"),
        ("set -gx A_password vvvvv\n", "vvvvv"),
        ("npm config set //host.io/:_password vvvvv\n", "vvvvv"),
        ("password = [\"v\", \"w\"].join(\"\");", "vw"),
        ("password = ['v', 'w'].join\n", "vw"),
        ("password = \"\".join([\"v\", \"w\"])", "vw"),
        ("password = implode('', ['v', 'w']);", "vw"),
        ("local password = [[vv]]", "vv"),
        ("my $password = q{vv};", "vv"),
        ("password = raw\"vv\"", "vv"),
        ("WITH password = N'vv'", "vv"),
        ("{password, \"vv\"},", "vv"),
        ("password: !!str vv\n", "vv"),
        ("password: &pw vv\n", "vv"),
        ("password=vv ; note\n", "vv"),
        ("<password><![CDATA[v<v]]></password>", "v<v"),
        ("<meta name=\"password\" content=\"vv\">", "vv"),
        ("<data name=\"password\" xml:space=\"preserve\">\n  <value>vv</value>\n</data>", "vv"),
        ("{\"name\": \"password\", \"secret\": true, \"value\": \"vv\"}", "vv"),
    ] {
        assert_eq!(parse(text, "password").map(|(_, value, _)| value), Some(value.to_owned()), "{text}");
    }
    for text in ["tool --name password --size 3\n", "<input name=\"password\" type=\"password\"><b value=\"x\">"] {
        assert_eq!(parse(text, "password"), None, "{text}");
    }
}
