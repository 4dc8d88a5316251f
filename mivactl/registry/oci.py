"""A registry in the repositories of an OCI registry, such as Harbor, GHCR or Debian's `docker-registry`.

Each adapter has a repository, each build a tag in it (`1.2.0--nano-masked`) with a manifest as ModelPack has it, which
keeps its files and lets others show them. mivactl reads neither: the index names `miva.json` by digest, `miva.json` the
other files. See `docs/decisions/0026-oci-registries.md`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mivactl.registry.oci_manifests import EMPTY, attached_manifest, attached_tag, model_config, model_manifest
from mivactl.registry.oci_source import path_in
from mivactl.registry.static import signature_path
from mivactl.registry.static_publication import WritableStaticRegistry
from registry_schema.errors import IntegrityProblem
from registry_schema.manifest import Manifest

if TYPE_CHECKING:
    from pathlib import Path

    from mivactl.content import Content
    from mivactl.credentials import Credential
    from mivactl.registry.oci_source import OciSource
    from mivactl.transfer.ranged_source import RangedSource
    from registry_schema.attachments import Attachment
    from registry_schema.digests import Digest
    from registry_schema.index import IndexLine
    from registry_schema.names import AdapterName, RegistryName


class OciRegistry(WritableStaticRegistry):
    """The registry below one prefix of an OCI registry."""

    def __init__(self, name: RegistryName, source: OciSource) -> None:
        super().__init__(name, source)
        self._oci = source
        self._owners: dict[Digest, AdapterName] = {}

    @property
    def url(self) -> str:
        """See `TokenRegistry`."""
        return self._oci.server

    def check_token(self, credential: Credential) -> None:
        """See `TokenRegistry`; what anybody may read takes any token."""
        OciRegistry(self.name, self._oci.as_shown(credential)).config()

    def manifest_bytes(self, line: IndexLine) -> bytes:
        """See `Registry`; from now on it is known whose files its manifest names."""
        data = super().manifest_bytes(line)
        for entry in Manifest.parse(data, source=f"{line.name} {line.version}: miva.json").files:
            self._owners[entry.digest] = line.name
        return data

    def attachments(self, name: AdapterName) -> tuple[Attachment, ...]:
        """See `Registry`; from now on it is known whose the files are."""
        found = super().attachments(name)
        self._owners.update({one.file.digest: name for one in found})
        return found

    def ranged(self, content: Content) -> RangedSource:
        """See `RemoteRegistry`."""
        return self._oci.ranged(self._content_path(content))

    def add_signatures(self, manifest: Digest, signatures: bytes) -> None:
        """See `WritableStaticRegistry`; they are found by name, so they are a file of the index."""
        self.write(signature_path(manifest), signatures)

    def _manifest_path(self, name: AdapterName, digest: Digest) -> str:
        return path_in(name, digest)

    def _blob_path(self, name: AdapterName, digest: Digest) -> str:
        return path_in(name, digest)

    def _content_path(self, content: Content) -> str:
        owner = self._owners.get(content.digest)
        if owner is None:
            raise IntegrityProblem(
                f"{content.label}: no manifest of registry `{self.name}` that was read names `{content.digest}`",
                hint="read the manifest of its build first",
            )
        return path_in(owner, content.digest)

    def _add_attached(self, attachment: Attachment, manifest: Manifest, file: Path) -> None:
        super()._add_attached(attachment, manifest, file)
        data = manifest.to_bytes()
        model = model_manifest(manifest, data, model_config(manifest, data))
        self._oci.put_blob(manifest.name, EMPTY)
        self._oci.put_build(manifest.name, attached_tag(attachment, manifest), attached_manifest(attachment, model))

    def _add_manifest(self, manifest: Manifest, data: bytes) -> None:
        super()._add_manifest(manifest, data)
        config = model_config(manifest, data)
        self._oci.put_blob(manifest.name, config)
        self._oci.put_build(manifest.name, manifest.key.tag, model_manifest(manifest, data, config))
