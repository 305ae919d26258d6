"""How loops are compiled."""

import pytest


def test_loops_are_compiled_where_no_folder_is_writable(monkeypatch):
    pytest.importorskip("numba", reason="needs ctrbench[fast]")
    from ctrbench.backbones import loops

    njit = loops.njit

    def without_cache(*, cache, **options):
        if cache:
            raise RuntimeError("cannot cache function 'double': no locator available for file 'loops.py'")
        return njit(**options)

    def double(x):
        return 2 * x

    monkeypatch.setattr(loops, "njit", without_cache)
    with pytest.warns(UserWarning, match="set NUMBA_CACHE_DIR to a writable folder"):
        compiled = loops.compiled(double)
    assert compiled(4) == 8
