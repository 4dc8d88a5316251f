"""A registry in the repositories of Debian's docker-registry: what stands there, who may ask, and what is believed."""

from __future__ import annotations

import base64
import http.client
import json
import shutil
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from mivactl.registry.byte_source import SourceChanged
from mivactl.registry.oci_address import OciAddress
from mivactl.registry.oci_auth import OciClient, OciLogin
from mivactl.registry.oci_manifests import MANIFEST, Layer, index_manifest, read_index_manifest
from mivactl.registry.oci_source import OciSource
from mivactl.transfer.address import Origin
from mivactl.transfer.client import ClientOptions
from mivactl.transfer.request import Request
from mivactl.transfer.retries import Retries
from registry_schema.digests import Digest
from registry_schema.errors import AuthProblem, MivaError, Refused, SchemaError, UsageProblem
from registry_schema.names import AdapterName, RegistryName
from tests.mivactl.registries.test_downloads import SIZE_BYTES, large
from tests.mivactl.world import World, hash_of, masked_spec, tensors, write_draft
from tests.servers.blob_server import BlobServer, LoopbackServer, QuietHandler
from tests.servers.docker_registry import DockerRegistry, docker_registry
from tests.servers.fault_proxy import Fault, FaultProxy
from tests.servers.token_realm import TokenRealm

if TYPE_CHECKING:
    from pathlib import Path

    import trustme

STUDIO = RegistryName("studio")
BASIC = f"Basic {base64.b64encode(b'tester:correct-horse-1').decode()}"
NO_PAUSES = ClientOptions(retries=Retries(sleep=lambda _: None))


@pytest.fixture
def place(repositories: str, world: World) -> str:
    """The address of an empty registry."""
    world.ok("registry", "init", world.folder / "seed", "--name", "studio")
    world.ok("registry", "sync", world.folder / "seed", repositories)
    return repositories


def ask(server: DockerRegistry, path: str) -> tuple[dict[str, str], bytes]:
    """What another client sees."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", f"/v2/{path}", headers={"Authorization": BASIC, "Accept": MANIFEST})
    answer = connection.getresponse()
    headers, content = dict(answer.getheaders()), answer.read()
    connection.close()
    return headers, content


def prefix_of(place: str) -> str:
    return place.split("/", 3)[3]


@pytest.mark.server
def test_a_build_stands_there_as_a_model_that_other_tools_can_show(
    world: World, place: str, shared_docker_registry: DockerRegistry
):
    world.ok("registry", "add", "studio", place)
    world.ok("publish", write_draft(world.folder / "a", "acme/waterfall", "1.2.0"), "--to", "studio")
    masked = write_draft(world.folder / "b", "acme/waterfall", "1.2.0", spec=masked_spec(), weights=tensors(3))
    world.ok("publish", masked, "--to", "studio")
    repository = f"{prefix_of(place)}/acme/waterfall"
    _, listed = ask(shared_docker_registry, f"{repository}/tags/list")
    assert sorted(json.loads(listed)["tags"]) == ["1.2.0--nano", "1.2.0--nano-masked"]
    headers, stored = ask(shared_docker_registry, f"{repository}/manifests/1.2.0--nano")
    assert headers["Docker-Content-Digest"] == str(Digest.of(stored))
    model: Any = json.loads(stored)
    assert model["artifactType"] == "application/vnd.cncf.model.manifest.v1+json"
    assert {layer["annotations"]["org.cncf.model.filepath"]: layer["mediaType"] for layer in model["layers"]} == {
        "miva.json": "application/vnd.cncf.model.weight.config.v1.raw",
        "adapter.safetensors": "application/vnd.cncf.model.weight.v1.raw",
        "README.md": "application/vnd.cncf.model.doc.v1.raw",
    }
    assert model["layers"][0]["annotations"]["dev.mivactl.manifest"] == "1"
    assert model["config"]["mediaType"] == "application/vnd.cncf.model.config.v1+json"
    _, config = ask(shared_docker_registry, f"{repository}/blobs/{model['config']['digest']}")
    described = json.loads(config)
    assert sorted(described) == ["config", "descriptor", "modelfs"]
    assert described["modelfs"]["diffIds"] == [layer["digest"] for layer in model["layers"]]
    assert described["descriptor"]["licenses"] == ["Apache-2.0"]
    lines = world.session().registry(STUDIO).lines(AdapterName("acme/waterfall"))
    assert model["layers"][0]["digest"] in {str(line.manifest.digest) for line in lines}


@pytest.mark.server
def test_a_tag_that_was_moved_changes_nothing(world: World, place: str):
    """Only the index says what a build is; a tag anybody can move."""
    world.ok("registry", "add", "studio", place)
    world.ok("publish", write_draft(world.folder / "a", "acme/waterfall", "1.0.0"), "--to", "studio")
    world.ok("publish", write_draft(world.folder / "b", "acme/waterfall", "2.0.0"), "--to", "studio")
    registry: Any = world.session().registry(STUDIO)
    source, repository = registry._oci, f"{prefix_of(place)}/acme/waterfall"
    client, address = source.client, source._address
    newer = client.read(address.manifest_url(repository, "2.0.0--nano"), max_bytes=1 << 20)
    source.put_manifest(repository, "1.0.0--nano", newer.content)
    world.ok("install", "acme/waterfall@==1.0.0")
    assert [entry["version"] for entry in world.ok("list", "--json").data["adapters"]] == ["1.0.0"]
    world.ok("verify")


@pytest.mark.server
@pytest.mark.parametrize("damaged", ["index", "manifest", "weights"])
def test_what_was_changed_on_the_server_is_refused(
    world: World, place: str, shared_docker_registry: DockerRegistry, damaged: str
):
    world.ok("registry", "add", "studio", place)
    weights = tensors(hash_of(place))  # bytes that no other test's repository shares
    world.ok("publish", write_draft(world.folder / "a", "acme/waterfall", "1.0.0", weights=weights), "--to", "studio")
    registry: Any = world.session().registry(STUDIO)
    (line,) = registry.lines(AdapterName("acme/waterfall"))
    digests = {
        "index": Digest.of(line.to_bytes()),
        "manifest": line.manifest.digest,
        "weights": line.weights.digest,
    }
    digest = digests[damaged]
    blob = shared_docker_registry.work / f"data/docker/registry/v2/blobs/sha256/{digest.hex[:2]}/{digest.hex}/data"
    blob.write_bytes(blob.read_bytes()[:-2] + b"!\n")
    shutil.rmtree(world.home / "cache")
    said = world.mivactl("install", "--json", "acme/waterfall")
    assert (said.exit_code, said.error["code"]) == (5, "integrity"), said.out
    assert world.ok("list", "--json").data["adapters"] == []


@pytest.mark.server
def test_who_was_overwritten_in_the_same_moment_notices(world: World, place: str):
    """OCI registries do not compare before they write; that is what is done about it, and no promise."""
    source = Overtaken(STUDIO, place, world.session().access)
    source.replace("index/acme/one.jsonl", b"{}\n", over=None)
    with pytest.raises(SourceChanged):
        source.replace("index/acme/one.jsonl", b"{1}\n", over=None)
    source.other = OciSource(STUDIO, place, world.session().access)
    with pytest.raises(SourceChanged):
        source.replace("index/acme/two.jsonl", b"{}\n", over=None)
    source.other = None
    source.replace("index/acme/two.jsonl", b"{}\n", over=None)
    found = source.read("index/acme/two.jsonl", max_bytes=100)
    assert found is not None
    assert found.content == b"{}\n"


class Overtaken(OciSource):
    """Another writer read the index before this one wrote it, and writes it right afterwards."""

    other: OciSource | None = None

    def put_manifest(self, repository: str, tag: str, data: bytes) -> None:
        before = self._index()
        super().put_manifest(repository, tag, data)
        if self.other is not None:
            self.other.put_manifest(repository, tag, index_manifest(before))


@pytest.mark.server
def test_a_download_from_an_oci_registry_goes_on_where_it_was_cut(
    world: World, place: str, shared_docker_registry: DockerRegistry, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MIVACTL_TOKEN_WORKSHOP", shared_docker_registry.secret)
    world.ok("registry", "add", "workshop", place)
    draft = write_draft(world.folder / "a", "acme/waterfall", "1.0.0", weights=large())
    world.ok("publish", draft, "--to", "workshop")
    world.ok("registry", "remove", "workshop")
    with FaultProxy(shared_docker_registry.http) as proxy:
        world.ok("registry", "add", "studio", f"oci://127.0.0.1:{proxy.port}/{prefix_of(place)}")
        world.ok("info", "acme/waterfall")
        proxy.sent_bytes = 0
        proxy.always = Fault(cut_at=1_500_000)
        world.ok("install", "acme/waterfall")
        assert proxy.sent_bytes < SIZE_BYTES + (1 << 18) + 20_000
    world.ok("verify")


@pytest.mark.server
def test_what_was_read_is_there_without_a_network(world: World, place: str):
    world.ok("registry", "add", "studio", place)
    world.ok("publish", write_draft(world.folder / "a", "acme/waterfall", "1.0.0"), "--to", "studio")
    world.ok("info", "acme/waterfall")
    assert "Falling water" in world.ok("--offline", "info", "acme/waterfall").out
    for command in (("install", "acme/waterfall"), ("yank", "acme/waterfall@==1.0.0", "--registry", "studio")):
        said = world.mivactl("--offline", command[0], "--json", *command[1:])
        assert said.exit_code == 6, said.out
        assert "is not cached, and the network is switched off" in said.error["message"]
    assert world.mivactl("--offline", "info", "acme/clouds").exit_code == 3


@pytest.mark.server
def test_without_the_password_nothing_is_shown(world: World, place: str, monkeypatch: pytest.MonkeyPatch):
    for secret in (None, "tester:wrong-canary-1", "wrong-canary-2"):
        if secret is None:
            monkeypatch.delenv("MIVACTL_TOKEN_STUDIO")
        else:
            monkeypatch.setenv("MIVACTL_TOKEN_STUDIO", secret)
        said = world.mivactl("registry", "add", "--json", "studio", place)
        assert said.exit_code == 7
        assert said.error["hint"] == (
            "add `--login`, which asks for a token; "
            "or set `MIVACTL_TOKEN_STUDIO` to `user:password` of an account that may do this"
        )
        assert "canary" not in said.out + said.err


@pytest.mark.server
def test_an_authority_of_its_own_makes_this_machine_encrypted_too(
    world: World, authority: trustme.CA, ca_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MIVACTL_TOKEN_STUDIO", "tester:correct-horse-1")
    certificate, work = authority.issue_cert("127.0.0.1"), tmp_path / "work"
    work.mkdir()
    certificate.private_key_pem.write_to_path(str(work / "key.pem"))
    for part in certificate.cert_chain_pems:
        part.write_to_path(str(work / "chain.pem"), append=True)
    with docker_registry(work, tls=f'tls: {{certificate: "{work}/chain.pem", key: "{work}/key.pem"}}') as server:
        said = world.mivactl("registry", "add", "--json", "studio", f"{server.address}/adapters", "--create")
        assert said.exit_code == 6
        world.ok("registry", "add", "studio", f"{server.address}/adapters", "--create", "--ca", ca_file)
        world.ok("publish", write_draft(world.folder / "a", "acme/waterfall", "1.0.0"), "--to", "studio")
        world.ok("install", "acme/waterfall")
    world.ok("verify")


@pytest.mark.server
@pytest.mark.parametrize("seconds", [300, -61], ids=["fresh", "expired"])
def test_a_realm_makes_tokens_of_the_secret_once_it_may_be_told(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: int
):
    monkeypatch.setenv("MIVACTL_TOKEN_STUDIO", "tester:correct-horse-1")
    root, work = tmp_path / "root.pem", tmp_path / "work"
    work.mkdir()
    with (
        TokenRealm(root, wants=BASIC, seconds=seconds) as realm,
        docker_registry(work, auth=realm.auth(root)) as server,
    ):
        place = f"{server.address}/adapters"
        said = world.mivactl("registry", "add", "--json", "studio", place)
        assert said.exit_code == 9
        assert f"wants its secret told to `{realm.url}`" in said.error["message"]
        assert said.error["hint"].endswith(f"with `--realm 127.0.0.1:{realm.port}`")
        assert realm.seen == []
        said = world.mivactl("registry", "add", "--json", "studio", place, "--realm", f"127.0.0.1:{realm.port}")
        # nothing is there yet; a token that is no good is not asked for again and again
        assert said.exit_code == (3 if seconds > 0 else 7)
        assert len(realm.seen) == 1
        if seconds > 0:
            create_and_use(world, place, realm)


def create_and_use(world: World, place: str, realm: TokenRealm) -> None:
    world.ok("registry", "add", "studio", place, "--realm", f"127.0.0.1:{realm.port}", "--create")
    world.ok("publish", write_draft(world.folder / "a", "acme/waterfall", "1.0.0"), "--to", "studio")
    scopes = [parse_qs(urlsplit(request.path).query)["scope"][0].split(":") for request in realm.seen]
    # once for each repository and for reading and writing; in which order the actions come is the registry's affair
    assert {(name, *sorted(actions.split(","))) for _, name, actions in scopes} == {
        (f"adapters/{name}", *actions)
        for name in ("index", "acme/waterfall")
        for actions in (["pull"], ["pull", "push"])
    }
    asked_before = len(realm.seen)
    world.ok("install", "acme/waterfall")
    world.ok("verify")
    assert len(realm.seen) == asked_before + 2


class _Challenging(LoopbackServer):
    def __init__(self, challenge: str) -> None:
        super().__init__(_ChallengingHandler)
        self.challenge = challenge


class _ChallengingHandler(QuietHandler):
    owner: Any

    def answer(self, seen: Any) -> None:
        self.send(401, WWW_Authenticate=self.owner.challenge)


@pytest.mark.parametrize(
    ("challenge", "problem"),
    [
        ('Bearer realm="{thief}/token",service="s",scope="repository:a:pull"', Refused),
        ('Bearer realm="http://user:pw@127.0.0.1/token"', AuthProblem),
        ('Bearer realm="file:///etc/passwd"', AuthProblem),
        ("Bearer realm", AuthProblem),
        ("Negotiate abc", AuthProblem),
        ("", AuthProblem),
    ],
)
def test_a_secret_is_told_to_the_registry_alone(challenge: str, problem: type[MivaError]):
    with BlobServer({"/token": b'{"token": "x"}'}) as thief, _Challenging(challenge.format(thief=thief.url)) as server:
        origin = Origin.of(server.url)
        login = OciLogin(registry=STUDIO, origin=origin, secret="tester:canary-1234")
        with pytest.raises(problem) as caught:
            OciClient(NO_PAUSES, login).send(Request("GET", f"{server.url}/v2/a/manifests/v1"))
        assert thief.seen == []
        assert "canary" not in f"{caught.value.message} {caught.value.hint}"
        assert [request.headers.get("Authorization") for request in server.seen] == [None]


def test_an_anonymous_token_may_come_from_anywhere():
    """Nothing is told there, and public registries keep their realms on other servers."""
    with BlobServer({"/token": b'{"access_token": "anybody"}'}) as realm:
        with _Challenging(f'Bearer realm="{realm.url}/token",service="s",scope="repository:a:pull"') as server:
            login = OciLogin(registry=STUDIO, origin=Origin.of(server.url), secret=None)
            with pytest.raises(AuthProblem):
                OciClient(NO_PAUSES, login).send(Request("GET", f"{server.url}/v2/a/manifests/v1"))
            assert [request.headers.get("Authorization") for request in server.seen] == [None, "Bearer anybody"]
        assert [request.path for request in realm.seen] == ["/token?service=s&scope=repository%3Aa%3Apull"]


@pytest.mark.parametrize(
    ("place", "web"),
    [
        ("oci://127.0.0.1:5000/adapters", "http://127.0.0.1:5000"),
        ("oci://registry.example/team/adapters", "https://registry.example"),
        ("oci://registry.example:8443/a", "https://registry.example:8443"),
    ],
)
def test_an_address_is_asked_with_encryption_unless_it_is_this_machine(place: str, web: str):
    address = OciAddress.parse(place, encrypted=False, insecure=False)
    assert str(address.origin) == web
    assert str(OciAddress.parse(place, encrypted=True, insecure=False).origin).startswith("https://")
    assert str(OciAddress.parse(place, encrypted=False, insecure=True).origin).startswith("http://")


@pytest.mark.parametrize(
    "place", ["oci://h", "oci://h/UPPER", "oci://h/a?b", "oci://u:p@h/a", "oci:///a", "oci://h/../a"]
)
def test_an_address_without_a_name_for_repositories_is_refused(place: str):
    with pytest.raises(UsageProblem):
        OciAddress.parse(place, encrypted=False, insecure=False)


def test_an_index_is_read_as_it_was_written_and_nothing_else_is_taken_for_one():
    files = {f"index/acme/motion{number}.jsonl": Layer(Digest.of(bytes([number])), number) for number in range(50)}
    data = index_manifest(files)
    assert read_index_manifest(data, source="index") == files
    value = json.loads(data)
    for broken in (
        {**value, "artifactType": "application/vnd.oci.image.config.v1+json"},
        {**value, "layers": {}},
        {**value, "layers": [{"digest": "sha256:1", "size": 1, "annotations": {}}]},
        {**value, "layers": [{**value["layers"][0], "size": -1}]},
        [],
    ):
        with pytest.raises(SchemaError):
            read_index_manifest(json.dumps(broken).encode(), source="index")
    many = {f"index/acme/{number}.jsonl": Layer(Digest.of(b""), 0) for number in range(20_000)}
    with pytest.raises(UsageProblem, match="an OCI registry 4194304 at most"):
        index_manifest(many)
