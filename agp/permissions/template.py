"""The default policy as a file, with every setting explained: what ``agp policy init`` writes."""

TEMPLATE = """\
# What agents may do in this project, and what may evolve in it.
#
# deny goes before ask, ask before allow, whatever their order here. A section that is left out is
# as in this file; one that is written is all that holds for its subject. Optimizers and tools
# cannot change this file: it is no resource, and no call that names it is made.
#
#   agp policy show        the same in words
#   agp policy check       is it well formed?
#   agp policy explain     which rule decides about a call?

# plan     changes are proposed and assessed, nothing is committed
# default  the rules as they are written; what asks, asks a person
# ask      everything that is not denied asks
# auto     what asks is allowed, except new capabilities and looser limits, which still ask
# dontAsk  what asks is denied
# locked   nothing changes, and only what a rule here allows may be called
# For one run: --permissions MODE. Where nobody can be asked, what asks is denied.
mode = "default"

# Which calls agents may make, among those they are bound to. A rule is
#   TOOL                         python, tool/python, my-server, agent/helper
#   TOOL.ACTION                  workspace.write, mcp.*  (all MCP servers), skill.*
#   TOOL.ACTION(ARGUMENT=GLOB)   workspace.write(path=*.py), *(url=*internal*), *(*=*password*)
# * is any text, also across /. Arguments are compared as they would be understood: paths without
# .. and //, URLs by their real host, nested values and JSON in texts too. What no rule names asks.
[tools]
deny = []
ask = []
allow = ["*"]

# More rules for one agent. What is denied to an agent is denied to the agents it calls.
# [agents.researcher.tools]
# deny = ["python"]

# Files and hosts that arguments may name, and that confined code may be given. Left out: any that
# the tools themselves reach. Never within reach: this file, agp.toml, .agp/.
# [files]
# read = ["**"]
# write = ["notes/**"]
#
# [network]
# hosts = ["*.example.org"]

# What may evolve: what no rule here names may not. A change is an "insert" (nothing is lost), a
# "patch" (half of it stays), a "replace", a "create" or a "delete". growth is how many characters
# it may add, size how long the field may be then. A change that gives a resource new capabilities
# (a tool, a host, a path, an import, a secret) asks a person even where the rule allows it, or
# with capabilities = "deny" is refused.
[[evolve]]
resource = "prompt/*"
field = "*"
changes = ["insert", "patch", "replace"]
growth = 4000
verdict = "allow"

[[evolve]]
resource = ["agent/*", "tool/*", "environment/*", "memory/*"]
field = "*"
changes = ["insert", "patch", "replace"]
growth = 4000
verdict = "ask"

# New resources, which a run must ask for: --evolve 'tool/+'. growth is their whole size.
[[evolve]]
resource = ["prompt/*", "agent/*", "tool/*"]
field = "*"
changes = ["create"]
growth = 20000
verdict = "ask"

# Where code runs that no person wrote or approved. least: "strong" or "partial".
[sandbox]
least = "strong"
packages = []

# Limits of all work on the store together, and of single agents: calls, tokens, cost_usd, seconds,
# evaluations, commits. Left out: no limit.
# [budget.global]
# cost_usd = 20.0
# commits = 10
#
# [budget.agents.researcher]
# calls = 500
"""
