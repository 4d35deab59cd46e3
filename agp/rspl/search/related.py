"""Words that stand for each other in what people ask of tools, prompts, agents and memory.

One line is one group: a word of the query also finds the others of its groups, at a lower weight.
Written by hand from general knowledge of the fields agents work in; it is no dictionary. A line
is worth adding when people use one word where resources say another.
"""

from __future__ import annotations

from functools import lru_cache

from agp.rspl.search.words import words_of

WEIGHT = 0.7
"""What a related word counts, compared with the word itself."""

_GROUPS = """
abbreviation acronym
abort cancel stop halt
acceptable allowed permitted
access permission authorization
accounting bookkeeping ledger invoice expense
accurate correct exact precise
add append insert
address location geocode coordinates place
advice recommendation suggestion guidance
afford budget loan
airport flight iata
algebra equation symbolic
allergy diet ingredient
analyze analysis examine inspect study profile
angry complaint sentiment mood
answer reply respond response
apartment flat rent house property
api endpoint rest http request
appointment meeting calendar schedule event
archive snapshot wayback history
arithmetic calculator calculate compute computation math sum
article paper publication literature preprint
ask question query
assistant agent bot chatbot
audio sound speech voice recording
audit review inspect check
auth authentication login credential password
author writer
autograder judge grader grading
average mean median statistics
background history context
backup snapshot restore
balance account ledger
bank money finance payment currency
benchmark evaluate evaluation score
bias fairness
bibliography citation reference bibtex
bicycle bike cycle route
bill invoice billing charge
biology gene protein dna sequence
blend mix combination
blur photo image
book reserve reservation
born birth age
boss manager
breach leak incident
break split decompose divide
brief short concise summary summarize shorten condense tldr
browser website page web internet online
budget cost expense spend price
bug error fault defect failure crash exception
build compile make
bureaucratic official formal
calendar schedule appointment agenda
caption subtitle alt
car drive driving vehicle route
changelog release notes
chart plot graph diagram visualize visualization figure draw
chat message conversation dialogue discussion thread slack
cheap cheapest minimum minimize cost
check verify validate test confirm ensure sure
chemical chemistry molecule compound reaction
choose select pick decide
chord guitar piano music
citation cite reference source
cited citation reference
city town place
classify categorize label triage sort
clause contract
clean cleanup tidy normalize
clinical medical health patient doctor
clock time timezone
cloud aws azure gcp
code program source script software implementation
codebase repository repo
colleague team coworker
combine merge join concatenate unite
commit git version
compare difference diff contrast
compile compiler build
complaint ticket review
compose music song melody chord
condition disease illness diagnosis symptom
config configuration settings
congestion traffic
constraint requirement limit condition
contest competition olympiad
contract agreement legal clause law lawyer
conversation talk dialogue interview
convert transform translate change turn
cook cooking recipe ingredient kitchen
copy checksum hash corrupt integrity
copy duplicate replicate
country nation
crash outage incident downtime
crawl spider sitemap
create generate make produce write build
cron schedule job
crop resize image
csv comma separated spreadsheet table tabular
currency exchange dollar euro
customer client user consumer support
cve vulnerability security exploit
damage corrupt broken
dashboard metrics monitoring
data dataset records
database db sql postgres mysql sqlite warehouse query
date day calendar holiday
debug fix repair diagnose troubleshoot
decay half-life
decimal number numeric
deck slides presentation
decompose split subtask subproblem divide step
delete remove erase drop
dependency library package
deploy deployment release rollout ship canary
describe explain description
dictionary vocabulary word definition
diet nutrition food
directions route navigation map travel
directory folder path
disk storage file
distance far kilometre mile
doc document documentation docs
docstring comment documentation
doctor physician clinic
domain dns
download fetch retrieve get pull
draft write compose
drug medicine medication dose dosage
duplicate dedupe repeated
earn revenue income sales
earthquake seismic
edit modify change rewrite patch update
election vote
electricity energy power
elevation height altitude
email mail inbox
embedding vector semantic similarity
employee staff worker hire candidate
encrypt encryption cryptography cipher
entity extract name
environment sandbox workspace world
episode episodic experience past
equity share stock
error mistake failure wrong
essay text writing
estimate predict forecast projection
evidence source proof support
excel spreadsheet workbook sheet xlsx
exception traceback error stack
exchange swap trade
exercise homework practice
expand broaden widen
experience episode history past
experiment trial lab laboratory
explain clarify teach describe understand
exploit attack payload
extract parse pull
fact claim statement truth true
fake misinformation false
fast speed performance quick optimize
feed rss atom news
fetch download crawl scrape
fever symptom medical
file document attachment
fill impute missing gap hole
film movie video
filter select where
find search look locate lookup discover retrieve
firewall port network
fix repair correct mend
flashcard quiz
flight travel trip airline
fluctuate volatility variance
folder directory
forecast weather rain temperature
foreign language translate translation
format layout style
formula equation expression
friend contact person
function method subroutine procedure
funding grant proposal
gallery thumbnail image resize
game play puzzle chess
gdpr privacy personal pii anonymize redact
geometry theorem proof
glossary terminology term
goal objective task
gps coordinates location track
grammar spelling proofread
graph network node edge relation
greeting hello
grep search code usage
group aggregate pivot cluster
guess infer estimate
gui interface frontend
habit preference profile
handwriting ocr scan
hash checksum digest sha256
health medical
help support assist
history past log
hold own
holiday vacation
homework exercise tutor learn student
hospital clinic medical
hotel booking trip
house property estate mortgage
how-to procedure procedural instruction skill
html page webpage markup
human person people
humour joke funny
hypothesis conjecture
idiom slang phrase
image picture photo photograph jpeg png
incident outage alert oncall
index key
inflation price currency
information knowledge info
ingredient recipe food
insert add
instruction prompt
insurance risk
interest loan mortgage amortize rate
interpreter run execute repl
interview transcript conversation
investment portfolio stock fund share market
invoice receipt bill
issue ticket bug
javascript typescript js
job task
join merge combine
journal diary log
journey route trip
judge grade rate score evaluate assess
jurisdiction law court
kid child daughter son student pupil
kilogram pound weight unit
lab laboratory experiment
label tag annotate classify
language lang
laptop computer machine
latency slow speed
law legal regulation compliance statute
lawyer attorney legal
leaflet brochure text
learn remember memorize
lend loan credit
lesson reflection learning insight
library package module dependency
license licence copyright
likelihood probability chance odds
linear optimization program optimize minimize maximize
link url hyperlink
lint linter style
list enumerate
listen audio sound
literature paper
llm model
load read open import
log logging logs
long lengthy
look search see
loop iterate repeat
lose loss risk
lyrics poem poetry verse
machine server host
mail email
malware virus trojan
manuscript paper draft
map geography gis
markdown md
marketing advertisement campaign
mass weight
match regex pattern
math maths mathematics mathematical calculation olympiad
matrix linear eigenvalue eigenvector svd vector
meal recipe food dinner
measure measurement metric
meeting minutes call
memory remember recall store memorize
merchant vendor shop
message notify notification alert send post
metadata exif
metric unit imperial conversion
microphone audio speech transcribe
missing absent null empty
misspelled spelling typo
mistake error slip
mock stub fixture
molar mass molecule
money financial cost
monitor observe watch metrics
mortgage loan
movie film
name title
negotiate negotiation deal
news headline article
newspaper news
noise noisy outlier
note notes jot scratchpad
notify slack message send
novel book fiction
number figure numeric value
numerical numeric number
nutrition calorie food
ocr scan text image
offline local
open read load
optimize tune improve performance
orbit planet satellite astronomy
order sort rank
outlier anomaly
output result
overdue late deadline
overview summary outline
package parcel shipping delivery
page web website
painting art image
paper article study
parse extract read
passage paragraph text
password secret credential
past history previous earlier
patch diff apply edit
patent invention
pattern regex
pdf document
peer review
people person
percent percentage ratio
permission access
person user people
phishing spam email
phone call telephone
photo image exif camera
physics simulation
picture image
pill drug medicine dose
pipeline workflow etl
place location
plagiarism duplicate originality similarity
plain simple plain-language
plan planner planning
poem poetry literary verse
policy rule
polite formal tone courteous
politics politician claim
port network scan
portfolio investment fund risk
postgres postgresql sql database
preference profile likes
presentation slides powerpoint
price cost quote
privacy pii personal
probability statistics random distribution
procedure procedural how-to workflow
profit revenue earnings
program code python
programming coding software
prompt instruction
pronunciation phonetic speech
proof prove theorem
property attribute
protein structure gene
prove proof theorem
puzzle problem riddle competition
python script interpreter py
quality assurance
quick fast short
quiz exam test
quote price stock
random sample
rank order sort rerank
rate limit throttle
read load open reader
reason reasoning think step
recall remember retrieve memory
receipt invoice
recipe cooking
record row entry
recording audio transcribe
redact mask anonymize
refactor restructure clean rewrite
refine improve revise rewrite
reflect reflection lesson
refund return customer
regression test
relative family
remember store memory save
remove delete
rename move
rent lease property
repair fix
report summary
repository repo git
reproduce replicate reproducible
request http
research investigate study literature
resize scale
response answer
restaurant food
result outcome
resume cv
review critique feedback
rewrite paraphrase rephrase
rhyme poem poetry
risk loss volatility
road route driving
rollback undo revert
root cause
route path distance directions travel
row record
rude polite tone
run execute
salary pay wage payroll
sales revenue
sample example
sandbox isolated container
save store persist write
schedule plan calendar
schema structure column
science scientific
scrape crawl extract web
screenshot screen image
search find lookup
secret key credential leak
security vulnerability threat attack pentest penetration
select choose pick
sell sales market
sentiment emotion opinion mood
sequence dna protein
server host machine
settle decide resolve
shape geometry
share stock
shell terminal bash command console
ship deploy deliver
shop buy purchase store
shorten summarize
significant significance hypothesis test
similar near alike related
simplify plain easy
simulate simulation
sketch draw
skill ability procedure
slack chat post
slip mistake error
slow latency performance tuning
software program code
solubility solvent chemistry
song music
sort order
sound audio
spam phishing junk
species animal plant biology
speech voice transcribe spoken
spell spelling
spoken speech said audio
spreadsheet excel csv
sql query select database
square rectangle shape
statement claim fact
statistics stats statistical
stock share market quote
story fiction narrative
strategy approach
stuck help hint
student tutor pupil
style tone
submission solution attempt
subtitle caption video
summary summarize abstract digest overview
support customer helpdesk
suspicious anomaly outlier
symbol ticker stock
symptom diagnosis
synonym related word
table column row
table dataframe tabular spreadsheet
tag label
talk speak conversation
task todo job
taste recipe flavour
tax vat
teach tutor lesson explain
telescope astronomy star
temperature celsius fahrenheit unit
temperature weather
tempo beat bpm
terminal shell
test unittest pytest testing
text string
theorem proof lemma
thesis paper dissertation
thread conversation
thumbnail resize image
ticket issue
time clock
timezone utc dst
todo task queue
token word
tone style
tone voice style
tool function
topic subject theme
traceback stack exception
track follow
train railway
transcribe transcript transcription speech audio dictation
translate translation language
travel trip journey itinerary
trend time series
trip travel
tutor teach teacher student
typo spelling
understandable plain simple readable
undo revert
unit measurement
unreadable plain simplify
update upgrade migrate
upgrade migrate migration
url link address
validate check
value number
vector embedding
vendor supplier
verbose chatter wordy
verify check
version release
video film clip
visit trip travel
visualize chart
voice speech
voltage circuit electronics
vote majority
vulnerability cve security
wallet payment money
weak vulnerability weakness
weather rain forecast
web internet online
website site homepage page
wind weather forecast
word term
wordy concise shorten
workout fitness exercise
worth value
write author compose draft
wrong error incorrect
xml html
yaml config
zip archive compress
"""


@lru_cache(maxsize=4096)
def related(word: str) -> dict[str, float]:
    """Stems that may stand for a stem, with their weight."""
    return {other: WEIGHT for group in _groups().get(word, ()) for other in group if other != word}


@lru_cache(maxsize=1)
def _groups() -> dict[str, list[list[str]]]:
    by_word: dict[str, list[list[str]]] = {}
    for line in _GROUPS.strip().splitlines():
        group = words_of(line)
        for word in group:
            by_word.setdefault(word, []).append(group)
    return by_word
