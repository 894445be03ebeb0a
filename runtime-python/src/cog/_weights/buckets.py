"""What `s3://` and `gs://` addresses are as requests: with the credentials that the container has, or plain, as public buckets want them.

The environment names the same things as for the providers' own tools. What the machine gives (a role, a service account) is asked for when the bucket
refuses without it. Credentials go to the bucket's host and to nobody else.
"""

import configparser
import hashlib
import hmac
import json
import os
import threading
import time
import urllib.error
import urllib.request
from typing import Any, Dict, Optional, Tuple
from urllib.parse import quote, unquote, urlsplit

SCHEMES = ("s3", "gs")

_REGION = "us-east-1"
_NO_BODY = hashlib.sha256(b"").hexdigest()
_MACHINE_TIMEOUT = 2.0
_MACHINE_BYTES = 1 << 20
# What the machine gives holds for longer than this.
_KEPT = 240.0
_ROLE = "/latest/meta-data/iam/security-credentials/"
_LINK_LOCAL = ("169.254.170.2", "169.254.170.23", "[fd00:ec2::23]", "127.0.0.1", "localhost", "[::1]")

# (access key, secret key, session token or "")
Keys = Tuple[str, str, str]

_lock = threading.Lock()
_regions: Dict[str, str] = {}
_given: Dict[str, Tuple[float, Any]] = {}


def is_bucket(url: str) -> bool:
    return url.partition("://")[0] in SCHEMES


def request_for(url: str, headers: Dict[str, str], ask_machine: bool) -> Tuple[str, Dict[str, str], bool]:
    """The address and the headers to send, and whether they hold credentials. `ask_machine`: those of the machine too."""
    parts = urlsplit(url)
    key = unquote(parts.path[1:])
    if parts.scheme == "gs":
        return _google(parts.netloc, key, headers, ask_machine)
    return _amazon(parts.netloc, key, headers, ask_machine)


def _amazon(bucket: str, key: str, headers: Dict[str, str], ask_machine: bool) -> Tuple[str, Dict[str, str], bool]:
    config = _profile("AWS_CONFIG_FILE", "config")
    endpoint = _variable("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL") or config.get("endpoint_url", "")
    region = _variable("AWS_REGION", "AWS_DEFAULT_REGION") or config.get("region", "")
    if not endpoint:
        region = _region_of(bucket, region or _REGION)
        endpoint = "https://s3.{}.amazonaws.com".format(region)
    address = "{}/{}/{}".format(endpoint.rstrip("/"), bucket, quote(key, safe="/-_.~"))
    keys = _amazon_keys(config, ask_machine)
    if keys is None:
        return address, headers, False
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    return address, sign(address, headers, keys, region or _REGION, now), True


def sign(address: str, headers: Dict[str, str], keys: Keys, region: str, now: str) -> Dict[str, str]:
    """The headers of a GET with a signature over all of them.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
    """
    access, secret, token = keys
    parts = urlsplit(address)
    signed = {name.lower(): value.strip() for name, value in headers.items()}
    signed.update({"host": parts.netloc, "x-amz-content-sha256": _NO_BODY, "x-amz-date": now})
    if token:
        signed["x-amz-security-token"] = token
    names = ";".join(sorted(signed))
    lines = ["GET", parts.path, parts.query]
    lines += ["{}:{}".format(name, signed[name]) for name in sorted(signed)]
    request = "\n".join(lines + ["", names, _NO_BODY])
    scope = "/".join((now[:8], region, "s3", "aws4_request"))
    text = "\n".join(("AWS4-HMAC-SHA256", now, scope, hashlib.sha256(request.encode("utf-8")).hexdigest()))
    secret_key = ("AWS4" + secret).encode("utf-8")
    for part in scope.split("/"):
        secret_key = hmac.new(secret_key, part.encode("utf-8"), hashlib.sha256).digest()
    signature = hmac.new(secret_key, text.encode("utf-8"), hashlib.sha256).hexdigest()
    del signed["host"]
    signed["authorization"] = "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={}".format(
        access, scope, names, signature
    )
    return signed


def _region_of(bucket: str, default: str) -> str:
    """A bucket answers in its own region only, and tells everyone which that is."""
    with _lock:
        if bucket in _regions:
            return _regions[bucket]
    request = urllib.request.Request("https://s3.{}.amazonaws.com/{}".format(_REGION, bucket), method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=30.0) as answer:
            told = answer.headers.get("x-amz-bucket-region")
    except urllib.error.HTTPError as error:
        told = error.headers.get("x-amz-bucket-region")
        error.close()
    with _lock:
        _regions[bucket] = told or default
    return _regions[bucket]


def _amazon_keys(config: Any, ask_machine: bool) -> Optional[Keys]:
    """Environment, then profile, then the container's role; the machine's own last. https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html"""
    access, secret = _variable("AWS_ACCESS_KEY_ID"), _variable("AWS_SECRET_ACCESS_KEY")
    if access and secret:
        return access, secret, _variable("AWS_SESSION_TOKEN")
    for items in (_profile("AWS_SHARED_CREDENTIALS_FILE", "credentials"), config):
        access, secret = items.get("aws_access_key_id", ""), items.get("aws_secret_access_key", "")
        if access and secret:
            return access, secret, items.get("aws_session_token", "")
    if _variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        return _keys_in(_kept("container", _container_role))
    if ask_machine and _variable("AWS_EC2_METADATA_DISABLED").lower() != "true":
        return _keys_in(_kept("machine", _machine_role))
    return None


def _keys_in(document: Any) -> Optional[Keys]:
    if not isinstance(document, dict) or not document.get("AccessKeyId") or not document.get("SecretAccessKey"):
        return None
    return str(document["AccessKeyId"]), str(document["SecretAccessKey"]), str(document.get("Token") or "")


def _container_role() -> Any:
    """https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html"""
    relative = _variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    address = "http://169.254.170.2" + relative if relative else _variable("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    if parts.scheme != "https" and name not in _LINK_LOCAL:
        return None
    token = _variable("AWS_CONTAINER_AUTHORIZATION_TOKEN")
    path = _variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
    if path:
        with open(path) as stream:
            token = stream.read().strip()
    return json.loads(_ask(address, {"Authorization": token} if token else {}))


def _machine_role() -> Any:
    """https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html"""
    base = _variable("AWS_EC2_METADATA_SERVICE_ENDPOINT").rstrip("/") or "http://169.254.169.254"
    lifetime = {"X-aws-ec2-metadata-token-ttl-seconds": "600"}
    token = {"X-aws-ec2-metadata-token": _ask(base + "/latest/api/token", lifetime, "PUT").strip()}
    roles = _ask(base + _ROLE, token).split()
    return json.loads(_ask(base + _ROLE + roles[0], token)) if roles else None


def _google(bucket: str, key: str, headers: Dict[str, str], ask_machine: bool) -> Tuple[str, Dict[str, str], bool]:
    base = _variable("STORAGE_EMULATOR_HOST").rstrip("/") or "https://storage.googleapis.com"
    if "://" not in base:
        base = "http://" + base
    address = "{}/storage/v1/b/{}/o/{}?alt=media".format(base, quote(bucket, safe=""), quote(key, safe=""))
    token = _variable("GOOGLE_OAUTH_ACCESS_TOKEN", "CLOUDSDK_AUTH_ACCESS_TOKEN")
    if not token and ask_machine:
        token = str((_kept("google", _service_account) or {}).get("access_token") or "")
    if not token:
        return address, headers, False
    return address, dict(headers, authorization="Bearer " + token), True


def _service_account() -> Any:
    """https://cloud.google.com/compute/docs/access/authenticate-workloads"""
    host = _variable("GCE_METADATA_HOST") or "metadata.google.internal"
    address = "http://{}/computeMetadata/v1/instance/service-accounts/default/token".format(host)
    return json.loads(_ask(address, {"Metadata-Flavor": "Google"}))


def _kept(name: str, ask: Any) -> Any:
    """What the machine gave lately; None when it gives nothing."""
    with _lock:
        at, value = _given.get(name, (0.0, None))
        if at and time.monotonic() - at < _KEPT:
            return value
        try:
            value = ask()
        except (OSError, ValueError):
            value = None
        _given[name] = (time.monotonic(), value)
        return value


def _ask(address: str, headers: Dict[str, str], method: str = "GET") -> str:
    """Of the machine itself, never through a proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(address, headers=headers, method=method)
    with opener.open(request, timeout=_MACHINE_TIMEOUT) as answer:
        return answer.read(_MACHINE_BYTES).decode("utf-8")  # type: ignore[no-any-return]


def _profile(variable: str, name: str) -> Dict[str, str]:
    """One profile of a file of the AWS tools. A file that cannot be read has nothing in it."""
    path = _variable(variable) or os.path.join(os.path.expanduser("~"), ".aws", name)
    profile = _variable("AWS_PROFILE") or "default"
    section = profile if name == "credentials" or profile == "default" else "profile " + profile
    parser = configparser.RawConfigParser(strict=False)
    try:
        with open(path, encoding="utf-8") as stream:
            parser.read_file(stream)
        return dict(parser.items(section))
    except (OSError, ValueError, configparser.Error):
        return {}


def _variable(*names: str) -> str:
    for name in names:
        value = os.environ.get(name, "").strip()
        if value:
            return value
    return ""
