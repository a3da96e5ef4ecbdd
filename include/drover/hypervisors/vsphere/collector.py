"""Properties of many objects, in pages: one call for hundreds of objects, never one call for each."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from drover.errors import DroverError
from drover.hypervisors.vsphere import nodes
from drover.hypervisors.vsphere.nodes import Node
from drover.hypervisors.vsphere.session import Session

# Objects a page: enough to make a slow line not matter, few enough to stay small in memory.
PAGE = 250
_CONTINUE = "ContinueRetrievePropertiesEx"


@dataclass(frozen=True, slots=True)
class Found:
    """One object.

    :param kind: as the API names it. :param missing: path to why, for what the user may not see.
    :param properties: by path; one that is not set is not there.
    """

    id: str
    kind: str
    properties: dict[str, Node]
    missing: dict[str, str]

    def text(self, path: str) -> str | None:
        return nodes.text(self.properties.get(path))

    def node(self, path: str) -> Node | None:
        return self.properties.get(path)


def retrieve(
    session: Session, wanted: Mapping[str, Sequence[str]], ids: Sequence[tuple[str, str]] | None = None
) -> Iterator[Found]:
    """Every object of these kinds that the user may see, or those with these ids; each once.

    An id that does not exist any more is left out.

    :param wanted: the properties by the managed object's name in the API: `{"VirtualMachine": ["name"]}`.
    :param ids: kind and id of each.
    """
    if ids is not None and not ids:
        return
    seen: set[str] = set()
    while True:
        logins = session.logins
        try:
            for found in _pages(session, wanted, ids):
                if found.id not in seen:
                    seen.add(found.id)
                    yield found
        except DroverError:
            # Views and pages live in a session. After a new login they are asked for anew.
            if session.logins == logins:
                raise
        else:
            return


def _pages(
    session: Session, wanted: Mapping[str, Sequence[str]], ids: Sequence[tuple[str, str]] | None
) -> Iterator[Found]:
    from pyVmomi import vim, vmodl

    query = vmodl.query.PropertyCollector
    view: Any = None
    with session.errors():
        if ids is None:
            kinds = [_managed(kind) for kind in wanted]
            view = session.content.viewManager.CreateContainerView(session.content.rootFolder, kinds, True)
            step = query.TraversalSpec(name="view", path="view", type=vim.view.ContainerView, skip=False)
            objects = [query.ObjectSpec(obj=view, skip=True, selectSet=[step])]
        else:
            objects = [query.ObjectSpec(obj=_managed(kind)(one, session.stub)) for kind, one in ids]
        spec = query.FilterSpec(
            objectSet=objects,
            propSet=[query.PropertySpec(type=_managed(kind), pathSet=list(paths)) for kind, paths in wanted.items()],
            reportMissingObjectsInResults=True,
        )
        collector = session.content.propertyCollector
        try:
            answer = session.call(collector, "RetrievePropertiesEx", [spec], query.RetrieveOptions(maxObjects=PAGE))
            with ThreadPoolExecutor(1) as ahead:
                while answer is not None:
                    token = nodes.text(answer, "token")
                    # The server works on the next page while this one is read.
                    later = ahead.submit(session.call, collector, _CONTINUE, token) if token else None
                    yield from (_found(node) for node in nodes.children(answer, "objects"))
                    answer = later.result() if later else None
        finally:
            if view is not None:
                with suppress(Exception):  # gone with its session, or the server with it
                    view.DestroyView()


def _managed(kind: str) -> Any:
    from pyVmomi import vim

    return getattr(vim.dvs if kind == "DistributedVirtualPortgroup" else vim, kind)


def _found(node: Node) -> Found:
    properties = {}
    for one in nodes.children(node, "propSet"):
        value = nodes.child(one, "val")
        if value is not None:
            properties[nodes.text(one, "name") or ""] = value
    missing = {
        nodes.text(one, "path") or "": nodes.kind(nodes.child(one, "fault/fault")) or "unknown"
        for one in nodes.children(node, "missingSet")
    }
    named = nodes.child(node, "obj")
    kind = (named.get("type") if named is not None else None) or ""
    return Found(nodes.text(named) or "", kind, properties, missing)
