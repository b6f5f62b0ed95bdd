.PHONY: setup check format docs demo
setup: ; bash scripts/setup.sh
check: ; bash scripts/test.sh
format: ; bash -c "source scripts/setup.sh && ruff format . && ruff check --fix ."
docs: ; bash -c "source scripts/setup.sh && python scripts/docs.py && zensical build --strict --clean"
demo: ; bash scripts/demo.sh
