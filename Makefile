.PHONY: setup check format demo
setup: ; bash scripts/setup.sh
check: ; bash scripts/test.sh
format: ; bash -c "source scripts/setup.sh && ruff format . && ruff check --fix ."
demo: ; bash scripts/demo.sh
