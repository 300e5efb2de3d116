# `make site` for first light, `make check` and `make test` for changes. All set the checkout up first.
PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Ansible refuses a locale whose encoding is not UTF-8, such as C, or that is not installed.
export LC_ALL := C.UTF-8

.PHONY: setup site down check test matrix docs lock

setup:
	@"$(PYTHON)" tools/set_up.py

site: setup
	@ansible-playbook site.yml

down: setup
	@ansible-playbook playbooks/local_down.yml

# The inner loop: what needs no playbook and no server of models.
check: setup
	@python tools/gate.py ruff format yamllint mypy mypy-emulators antsibull-docs ansible-lint unit

test: setup
	@python tools/gate.py

# First light on every supported Python of this machine, and a table of it.
matrix: setup
	@python tools/first_light.py all

# Generate the roles' pages from their argument specifications, and the pages of docs/ from the roles.
docs: setup
	@for role in roles/*/; do aar-doc $$role markdown; done
	@PYTHONPATH=collections python tools/generate_docs.py

# Resolve the requirement files anew. The local version of a CPU build (+cpu) is left out, so that
# the lock file also fits a machine with CUDA. Pins that depend on the Python are taken as written.
lock:
	@rm -rf .local/lock && "$(PYTHON)" -m venv .local/lock
	@.local/lock/bin/pip install -q torch==2.13.0
	@.local/lock/bin/pip install -q -r requirements.txt -r requirements-local.txt -r requirements-test.txt
	@.local/lock/bin/pip install -q --no-deps -r requirements-no-deps.txt
	@.local/lock/bin/pip freeze --all | grep -v -e '^pip==' -e '^gpu-platform-emulators ' \
	    -e '^triton==' -e '^nvidia-[a-z0-9-]*-cu' | sed 's/+cpu$$//' > .local/lock/frozen
	@grep -h '; python_version' requirements*.txt > .local/lock/by_python
	@{ sed 's/==.*/==/; s/^/^/' .local/lock/by_python | grep -v -f - .local/lock/frozen; cat .local/lock/by_python; } \
	  | LC_ALL=C sort -s -f -t= -k1,1 > requirements.lock
