#!/usr/bin/env python3
"""Makes the logins of a centre: for each gateway a user that may write under its own root and read its own commands and nothing else, and
users for the centre's own programs. Passwords are drawn at random and put into a file; RabbitMQ gets their hashes.

    logins.py gateway acme gw1 gw2 --logins logins > users.json      # then: rabbitmqctl import_definitions users.json
    logins.py consumer park --logins logins > users.json

A line of the file is: gateway (or program), user name, password. Who is in it already keeps its password. Needs nothing but Python 3."""

import argparse
import base64
import hashlib
import json
import os
import pathlib
import re
import secrets
import sys

VHOST = "hazgate"
EXCHANGE = "hazgate"
NAME = re.compile(r"[A-Za-z0-9_-]+")


def hashed(password):
    """As RabbitMQ keeps it: base64 of salt and of the SHA-256 of salt and password."""
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def user(name, password):
    return {
        "name": name, "password_hash": hashed(password),
        "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": "",
    }


def gateway(enterprise, name, forwarder, user_name):
    """What a gateway may do: contract 2 of docs/mqtt.md, under its own root."""
    queue = f"mqtt-subscription-hazgate-{enterprise}-{name}-{forwarder}qos[01]"
    root = rf"hazgate\.v1\.{enterprise}\.{name}\."
    says = r"(status|risk|alarm\.(event|current\..+)|device\..+|output\..+|data\..+|cmd\.reply)"
    permission = {
        "user": user_name, "vhost": VHOST,
        "configure": f"^{queue}$", "write": f"^({EXCHANGE}|{queue})$", "read": f"^({EXCHANGE}|{queue})$",
    }
    topics = {"user": user_name, "vhost": VHOST, "exchange": EXCHANGE, "write": f"^{root}{says}$", "read": f"^{root}cmd$"}
    return permission, topics


def consumer(user_name):
    """What a program of the centre may do: take what gateways say, and give them commands."""
    permission = {
        "user": user_name, "vhost": VHOST,
        "configure": "^$", "write": f"^{EXCHANGE}$", "read": r"^(events|state|data)\.[0-9]+$|^unrouted$",
    }
    topics = {"user": user_name, "vhost": VHOST, "exchange": EXCHANGE, "write": r"^hazgate\.v1\.[^.]+\.[^.]+\.cmd$", "read": "^$"}
    return permission, topics


class Logins:
    """The file of passwords."""

    def __init__(self, path):
        self.path, self.known = path, {}
        if path.exists():
            for line in path.read_text().splitlines():
                name, user_name, password = line.split()
                self.known[user_name] = (name, password)

    def password(self, name, user_name):
        if user_name not in self.known:
            self.known[user_name] = (name, secrets.token_urlsafe(24))
        return self.known[user_name][1]

    def save(self):
        new = self.path.with_name(self.path.name + ".new")
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.writelines(f"{name} {user_name} {password}\n" for user_name, (name, password) in self.known.items())
        new.replace(self.path)


def client_ids(logins, forwarder):
    """The client id of each gateway that is known: no two may have the same."""
    names = (user_name.split(".") for user_name in logins.known if "." in user_name)
    return {f"hazgate-{enterprise}-{gateway}-{forwarder}": f"{enterprise}.{gateway}" for enterprise, gateway in names}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    one = kinds.add_parser("gateway")
    one.add_argument("enterprise")
    one.add_argument("names", nargs="+", metavar="gateway")
    one.add_argument("--forwarder", default="centre", help="id of the [[forward]] in their site files")
    other = kinds.add_parser("consumer")
    other.add_argument("names", nargs="+", metavar="name")
    for each in (one, other):
        each.add_argument("--logins", type=pathlib.Path, required=True, help="the file of passwords")
    given = parser.parse_args()
    logins = Logins(given.logins)
    made = {"users": [], "permissions": [], "topic_permissions": []}
    for name in given.names:
        is_gateway = given.kind == "gateway"
        for word in (name, *((given.enterprise, given.forwarder) if is_gateway else ())):
            if not NAME.fullmatch(word):
                sys.exit(f"`{word}` is no id: letters, digits, `_` and `-`")
        user_name = f"{given.enterprise}.{name}" if is_gateway else name
        if is_gateway:
            client_id = f"hazgate-{given.enterprise}-{name}-{given.forwarder}"
            holder = client_ids(logins, given.forwarder).get(client_id, user_name)
            if holder != user_name:
                sys.exit(f"{user_name} would have the client id of {holder}: give one of them another name")
        made["users"].append(user(user_name, logins.password(name, user_name)))
        may = gateway(given.enterprise, name, given.forwarder, user_name) if is_gateway else consumer(user_name)
        made["permissions"].append(may[0])
        made["topic_permissions"].append(may[1])
    logins.save()
    json.dump(made, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
