"""Every internal link of the pages leads somewhere."""

from pathlib import Path

import pytest

from harness.pages import PAGES, ROOT, anchors, links


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_internal_link_resolves(page: Path) -> None:
    for target in links(page.read_text()):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), f"{page.name}: {target}"
        assert file.is_relative_to(ROOT), f"{page.name}: {target} leads out of the project"
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file.read_text()), f"{page.name}: {target}"


def test_pages_name_no_path_of_the_source_that_does_not_exist() -> None:
    for page in PAGES:
        text = page.read_text()
        for word in text.replace("`", " ").replace("(", " ").replace(")", " ").split():
            path = word.strip(".,:;")
            if path.startswith(("src/openharbor/", "contract/", "tests/")) and "*" not in path and "…" not in path:
                assert (ROOT / path).exists(), f"{page.name}: {path}"
