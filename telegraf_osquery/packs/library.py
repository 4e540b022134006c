"""All packs an agent was given, kept up to date with their files."""

import os
from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from telegraf_osquery.errors import PackError
from telegraf_osquery.model.names import ALERT_PACK, OWN_MEASUREMENTS, PREFIX
from telegraf_osquery.packs.document import Document, load, matches
from telegraf_osquery.packs.pack import Decorators, Finding, Options, Pack, ScheduledQuery

_HERE = os.path.dirname(os.path.abspath(__file__))
_EXTENSIONS = (".conf", ".json")
_RESERVED = f"{PREFIX}{ALERT_PACK}_"


def starter_folder() -> str:
    """The folder of the starter packs: inside the package when installed, else the checkout's."""
    carried = os.path.join(_HERE, "starter")
    if os.path.isdir(carried):
        return carried
    return os.path.join(os.path.dirname(os.path.dirname(_HERE)), "packs")


def starter_names() -> tuple[str, ...]:
    """The names of the starter packs."""
    folder = starter_folder()
    if not os.path.isdir(folder):
        return ()
    return tuple(
        sorted(
            name
            for name in os.listdir(folder)
            if os.path.isfile(os.path.join(folder, name, f"{name}.conf"))
        )
    )


class Library:
    """Packs from pack files, osquery configs, folders of them, and names of starter packs.

    A folder gives its ``*.conf`` and ``*.json`` and those of its direct subfolders. A file also
    gives ``<file>.d/*.conf``, before itself, as osquery's ``--config_path`` does. A text without a
    slash or extension is the name of a starter pack.

    Attributes:
        packs: what is valid now.
        decorators: of all configs, joined in the order of the files.
        options: osquery's options of all configs; the later file wins.
        generation: grows with each change of the three.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self._roots = [resolve(path) for path in paths]
        self._documents: dict[str, Document] = {}
        self._conflict = ""
        self.packs: tuple[Pack, ...] = ()
        self.decorators = Decorators()
        self.options: Options = {}
        self.generation = 0

    def load(self) -> list[Finding]:
        """Read everything; returns what was found odd.

        A broken file among good ones is a finding of severity ``error``: the others run.

        Raises:
            PackError: a path that is not there, names that collide, or no usable file at all.
        """
        require(self._roots)
        documents = {path: load(path) for path in files(self._roots)}
        for document in documents.values():
            if document.refused:
                raise PackError(document.refused)
        findings = [finding for doc in documents.values() for finding in doc.findings]
        if documents and not any(_gives(document) for document in documents.values()):
            broken = [str(finding) for finding in findings if finding.severity == "error"]
            if broken:
                raise PackError("; ".join(broken))
        _refuse_collisions(documents.values())
        self._documents = documents
        self._publish()
        return findings

    def invalid(self) -> int:
        """How many files or packs cannot be used as they are now; their last good state may be."""
        return sum(
            len(document.broken) if document.usable else 1 for document in self._documents.values()
        )

    def changed(self) -> bool:
        """Whether any file, sidecar or listing is not as it was read. A few stats, no reads."""
        return list(files(self._roots)) != list(self._documents) or any(
            document.stale() for document in self._documents.values()
        )

    def refresh(self) -> list[Finding]:
        """Read what changed; returns what was not said before.

        What cannot be used keeps its last usable state: a broken or vanished file its packs, a
        broken included pack itself, and a collision the whole set.
        """
        found: list[Finding] = []
        documents: dict[str, Document] = {}
        for path in files(self._roots):
            old = self._documents.get(path)
            if old and not old.stale():
                documents[path] = old
                continue
            documents[path] = new = _reload(path, old)
            said = old.findings if old else ()
            found += [finding for finding in new.findings if finding not in said]
        same = documents == self._documents
        self._documents = documents
        if not same:
            found += self._adopt()
        return found

    def _adopt(self) -> list[Finding]:
        try:
            _refuse_collisions(self._documents.values())
        except PackError as error:
            said, self._conflict = self._conflict, str(error)
            if said == self._conflict:
                return []
            return [Finding("error", "", "", "", f"{error}; the packs stay as they were")]
        self._conflict = ""
        self._publish()
        return []

    def _publish(self) -> None:
        now = (self.packs, self.decorators, self.options)
        self.packs = tuple(pack for doc in self._documents.values() for pack in doc.packs)
        self.decorators = sum((doc.decorators for doc in self._documents.values()), Decorators())
        self.options = {k: v for doc in self._documents.values() for k, v in doc.options.items()}
        if now != (self.packs, self.decorators, self.options):
            self.generation += 1


def files(roots: Iterable[str]) -> Iterator[str]:
    """Every pack file and config below these files and folders, each once."""
    seen = set()
    for root in roots:
        for path in _expand(root):
            if (real := os.path.realpath(path)) not in seen:
                seen.add(real)
                yield path


def require(roots: Iterable[str]) -> None:
    """See that each is there.

    Raises:
        PackError: one is not, with the names that would do.
    """
    for root in roots:
        if not os.path.exists(root):
            raise PackError(_missing(root))


def resolve(path: str) -> str:
    """The absolute path of a file, a folder or a starter pack given by its name."""
    if os.path.basename(path) == path and not path.endswith(_EXTENSIONS):
        return os.path.join(starter_folder(), path)
    return os.path.abspath(path)


def _missing(root: str) -> str:
    if os.path.dirname(root) == starter_folder():
        names = ", ".join(starter_names())
        return (
            f'pack "{os.path.basename(root)}": no starter pack has this name; expected one of '
            f"{names}; for a file or folder write its path with a slash"
        )
    return f"{root}: there is no such file or folder; correct the path of the pack"


def _expand(root: str) -> list[str]:
    if not os.path.isdir(root):
        return [*matches(f"{root}.d/*.conf"), root]
    found = []
    with os.scandir(root) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                found += [os.path.join(entry.path, name) for name in sorted(os.listdir(entry.path))]
            else:
                found.append(entry.path)
    return [
        path
        for path in found
        if path.endswith(_EXTENSIONS) and not os.path.basename(path).startswith(".")
    ]


def _gives(document: Document) -> bool:
    return document.usable and (bool(document.packs) or not document.broken)


def _reload(path: str, old: Document | None) -> Document:
    """The file as it is now, with what it gave before in the place of what is broken."""
    new = load(path)
    if old is None:
        return new
    if not new.usable:
        return _with(new, old.packs, old)
    kept = [pack for pack in old.packs if pack.name in new.broken]
    return _with(new, (*new.packs, *kept), new)


def _with(new: Document, packs: tuple[Pack, ...], rest: Document) -> Document:
    return replace(new, packs=packs, decorators=rest.decorators, options=rest.options)


def _refuse_collisions(documents: Iterable[Document]) -> None:
    for pack, query, reason in collisions(documents):
        raise PackError(f'{pack.path}: pack "{pack.name}", query "{query.name}"{reason}')


Collision = tuple[Pack, ScheduledQuery, str]


def collisions(documents: Iterable[Document]) -> Iterator[Collision]:
    """The queries whose measurement is taken, each with the reason and the cure."""
    owners: dict[str, tuple[Pack, ScheduledQuery]] = {}
    for pack in (pack for document in documents for pack in document.packs):
        for query in pack.queries:
            name = query.measurement
            if name in OWN_MEASUREMENTS or name.startswith(_RESERVED):
                reason = f": its measurement {name} is one of the agent's own"
                yield pack, query, f"{reason}; rename the pack or the query"
            elif name in owners:
                other, first = owners[name]
                rival = f'{other.path}: pack "{other.name}", query "{first.name}"'
                yield pack, query, f" and {rival} both give the measurement {name}; rename one"
            owners.setdefault(name, (pack, query))
