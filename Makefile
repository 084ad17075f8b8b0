# The three commands that people type by habit; cargo and scripts/test do the work.

.PHONY: start build test

start: ## A server on http://localhost:2565, its data in ./data
	cargo run --release

build: ## The program, target/release/wechat
	cargo build --release

test: ## Everything that a change must pass
	scripts/test
