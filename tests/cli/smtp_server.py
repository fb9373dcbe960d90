"""A mail server for the tests, on aiosmtpd: writes each message it takes as JSON, with how it came.

smtp_server.py FOLDER [CERTIFICATE KEY USER PASSWORD]: prints its port, then runs until its standard input ends. With a
certificate it wants STARTTLS and a login.
"""
import email
import email.policy
import json
import pathlib
import socket
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, SMTP

folder, *secure = sys.argv[1:]


class Handler:
    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        told = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "tls": session.ssl is not None,
            "authenticated": session.authenticated,
            "headers": dict(message.items()),
            "defects": [str(defect) for defect in message.defects],
            "text": message.get_content(),
        }
        number = len(list(pathlib.Path(folder).glob("*.json")))
        pathlib.Path(folder, f"{number}.json").write_text(json.dumps(told))
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    user, password = (part.decode() for part in (data.login, data.password))
    return AuthResult(success=(user, password) == (secure[2], secure[3]), handled=False)


class Server(Controller):
    def factory(self):
        if not secure:
            return SMTP(self.handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(secure[0], secure[1])
        return SMTP(
            self.handler, tls_context=context, require_starttls=True, auth_required=True, authenticator=authenticate
        )


with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
controller = Server(Handler(), hostname="127.0.0.1", port=port)
controller.start()
print(port, flush=True)
sys.stdin.read()
controller.stop()
