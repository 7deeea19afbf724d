#!/usr/bin/env python3
"""Writes the training text of the tiny-stories model: little stories from a grammar.

Every story is drawn from one of many plots. A plot is a list of steps. A step is
a choice between paraphrases. A paraphrase holds slots such as {h} (the hero),
{h.he} (the pronoun), {o.the} (the object, "the red ball") and inline choices
such as [ran|walked]. The slots are filled from one state per story, so the
object, the friend, the place and the pronouns stay the same from the opening to
the ending.

The output depends only on the seed and the count. No library is needed.

    python generate.py --show 3                 # print three stories
    python generate.py --stats                  # print counts over 20,000 stories
    python generate.py --out build/stories      # write train.txt and valid.txt

In a written file, stories are separated by one line that holds only "<|end|>".
Licence: MIT (program and text).
"""

import argparse
import os
import random
import re

TRAIN_SEED = 20240601
VALID_SEED = 977
SEPARATOR = "<|end|>"

# --------------------------------------------------------------------------
# Words
# --------------------------------------------------------------------------

GIRLS = "Lily Mia Anna Sara Lucy Emma Nora Zoe Ella Rosa Amy Ruby Maya Kate".split()
BOYS = "Tom Ben Max Sam Leo Tim Jack Finn Noah Omar Luke Theo Hugo Peter".split()
ANIMAL_GIRLS = "Coco Bella Daisy Poppy Luna Hazel Willow Honey Molly Pearl".split()
ANIMAL_BOYS = "Pip Rex Milo Toby Bruno Rusty Bobo Charlie Oscar Buddy".split()
# kind of animal -> what it takes things with
ANIMALS = {
    "fox": "paws", "rabbit": "paws", "bear": "paws", "mouse": "paws", "dog": "paws",
    "cat": "paws", "squirrel": "paws", "hedgehog": "paws", "duck": "wings",
    "owl": "wings", "frog": "hands", "turtle": "feet", "pony": "feet", "lamb": "feet",
}
TRAITS = "kind brave shy curious happy clever funny quiet gentle busy cheerful friendly".split()

HOBBIES = [
    ("paint pictures", "painting pictures"), ("sing songs", "singing songs"),
    ("dig in the sand", "digging in the sand"), ("run very fast", "running very fast"),
    ("climb trees", "climbing trees"), ("pick flowers", "picking flowers"),
    ("count the stars", "counting the stars"), ("jump in puddles", "jumping in puddles"),
    ("listen to stories", "listening to stories"), ("look at the clouds", "looking at the clouds"),
    ("play hide and seek", "playing hide and seek"), ("dance in the rain", "dancing in the rain"),
    ("look for shiny stones", "looking for shiny stones"), ("tell jokes", "telling jokes"),
    ("help other people", "helping other people"), ("ask questions", "asking questions"),
]

# place: preposition phrase, spots in it, small animals that live there, for animals too
PLACES = [
    ("park", "in", ["under a bench", "behind a tall tree", "next to the pond", "in the long grass", "near the swings"],
     ["squirrel", "duck", "bird"], True),
    ("garden", "in", ["under a rose bush", "behind the shed", "between the carrots", "next to the fence", "under a big leaf"],
     ["snail", "bee", "bird"], True),
    ("forest", "in", ["under a pile of leaves", "behind an old oak tree", "next to a mossy log", "in a hollow tree", "between two roots"],
     ["squirrel", "owl", "deer"], True),
    ("beach", "on", ["behind a big rock", "under some seaweed", "next to a sand castle", "in a small pool", "near an old boat"],
     ["crab", "seagull", "turtle"], False),
    ("farm", "on", ["behind the barn", "in the hay", "next to the well", "under an old cart", "near the gate"],
     ["hen", "goat", "cow"], True),
    ("river", "by", ["under the bridge", "behind a gray rock", "in the tall reeds", "between two stones", "next to a fallen tree"],
     ["frog", "duck", "fish"], True),
    ("hill", "on", ["behind a big stone", "in the soft grass", "under a little bush", "next to the path", "near the old gate"],
     ["goat", "sheep", "bird"], True),
    ("market", "at", ["under a table", "behind a basket of apples", "next to the flower stand", "between two boxes", "near the fountain"],
     ["pigeon", "cat", "bird"], False),
    ("meadow", "in", ["in the tall grass", "under a yellow flower", "behind a bush", "next to a little stream", "near a big stone"],
     ["butterfly", "sheep", "bee"], True),
    ("lake", "by", ["under a wooden bench", "behind the reeds", "next to a small boat", "between two rocks", "in the wet sand"],
     ["swan", "duck", "frog"], True),
]

COLORS = "red blue green yellow orange purple white pink".split()
# toy or treasure -> adjectives that fit besides the colors
OBJECTS = {
    "ball": ["big", "round", "new", "little"], "kite": ["new", "big", "pretty"],
    "boat": ["wooden", "little", "toy"], "teddy bear": ["soft", "old", "brown"],
    "drum": ["loud", "small", "new"], "truck": ["toy", "shiny", "little"],
    "book": ["big", "old", "thick"], "hat": ["warm", "funny", "new"],
    "scarf": ["long", "warm", "soft"], "bell": ["golden", "tiny", "shiny"],
    "key": ["golden", "tiny", "old"], "whistle": ["silver", "shiny", "little"],
    "lantern": ["bright", "little", "old"], "shell": ["shiny", "pretty", "tiny"],
    "blanket": ["soft", "warm", "old"], "bucket": ["little", "new", "round"],
    "feather": ["long", "soft", "pretty"], "button": ["shiny", "round", "golden"],
    "crown": ["golden", "paper", "shiny"], "train": ["toy", "wooden", "long"],
}
NO_COLOR = {"bell", "key", "whistle"}
FOODS = [
    ("apple", ["red", "sweet", "big", "juicy"]), ("cookie", ["sweet", "warm", "big", "round"]),
    ("pie", ["warm", "sweet", "apple", "cherry"]), ("pear", ["yellow", "sweet", "juicy"]),
    ("sandwich", ["big", "cheese", "tasty"]), ("cake", ["little", "sweet", "honey", "chocolate"]),
    ("loaf of bread", ["warm", "fresh", "big"]), ("bag of nuts", ["big", "small", "brown"]),
    ("jar of honey", ["big", "golden", "sweet"]), ("bowl of berries", ["big", "blue", "sweet"]),
    ("orange", ["big", "sweet", "juicy"]), ("pancake", ["warm", "round", "big"]),
]
FOODS_BY_NAME = dict(FOODS)
WEATHER = [
    ("sunny", "The sun was [warm and bright|shining|high in the blue sky]."),
    ("windy", "The wind [blew in the trees|was playing with the leaves|was strong]."),
    ("cloudy", "There were [gray|big|soft] clouds in the sky."),
    ("cold", "The air was cold and [fresh|clear]."),
    ("warm", "The air was warm and [smelled of flowers|sweet|still]."),
    ("foggy", "A [white|soft|thick] fog lay over [the ground|everything]."),
]
SKILLS = [  # infinitive, gerund, how it goes wrong, how it goes right, place
    ("ride a bike", "riding a bike", "fell into the grass", "rode all the way down the road", "the road"),
    ("swim", "swimming", "swallowed a lot of water", "swam all the way across", "the pool"),
    ("skate", "skating", "slipped and sat down on the ice", "made a big circle on the ice", "the ice"),
    ("whistle", "whistling", "only made a funny puff", "made a clear, high sound", "the yard"),
    ("fly a kite", "flying a kite", "got the string stuck in a bush", "made the kite dance in the sky", "the hill"),
    ("bake bread", "baking bread", "burned the bread", "made a golden loaf", "the kitchen"),
    ("climb the big tree", "climbing the big tree", "slid back down", "sat on the highest branch", "the big tree"),
    ("draw a horse", "drawing a horse", "drew something like a potato", "drew a lovely brown horse", "the table"),
    ("jump rope", "jumping rope", "got both feet stuck in the rope", "jumped ten times in a row", "the yard"),
    ("catch a ball", "catching a ball", "dropped the ball every time", "caught the ball with both hands", "the yard"),
    ("play the flute", "playing the flute", "made a terrible noise", "played a sweet little song", "the window"),
    ("read", "reading", "mixed up all the letters", "read a whole page out loud", "the library"),
]
BUILDS = [  # what, of what, trouble, fix
    ("sand castle", "wet sand and shells", "a big wave washed the front wall away", "dug a deep ditch to keep the water out", "beach"),
    ("tree house", "old boards and rope", "the floor was not straight and a board fell down", "tied every board with a strong knot", "garden"),
    ("snowman", "snow and sticks", "the head rolled off and broke", "made a smaller head and put it on with care", "yard"),
    ("little bridge", "stones and branches", "the middle of it fell into the water", "put one long, flat stone across the middle", "river"),
    ("bird house", "wood and nails", "the roof came off in the wind", "held the roof in place and used more nails", "garden"),
    ("raft", "logs and string", "one of the logs floated away", "pulled the log back and tied it twice", "lake"),
    ("fort", "blankets and chairs", "one side of it fell down with a soft thump", "put a heavy book on every corner", "living room"),
    ("go-cart", "boxes and four wheels", "one of the wheels rolled away", "found the wheel and fixed it with a bolt", "yard"),
    ("tower", "blocks and boxes", "it began to lean and crashed to the floor", "put the biggest blocks at the bottom", "playroom"),
]
PLANTS = [
    ("sunflower", "tall and yellow"), ("pumpkin", "big and orange"), ("rose", "red and sweet"),
    ("tomato plant", "green and full of red tomatoes"), ("bean plant", "long and green"),
    ("apple tree", "strong and full of leaves"), ("strawberry plant", "small and full of berries"),
]
NOISES = [  # sound, real cause, cause found
    ("tap, tap, tap", "a branch", "tapping on the window"),
    ("squeak, squeak", "a tiny mouse", "looking for crumbs"),
    ("drip, drip, drip", "the old pipe", "dripping into the sink"),
    ("whoo, whoo", "an owl", "sitting on the roof"),
    ("scratch, scratch", "the cat", "scratching at the door"),
    ("bump, bump", "the gate", "moving in the wind"),
    ("rustle, rustle", "a hedgehog", "walking in the dry leaves"),
]
GIFTS = ["a drawing of the two of them", "a box of crayons", "a little wooden horse", "a bag of marbles",
         "a string of beads", "a jar of jam", "a pot with a small flower", "a picture book", "a bracelet of daisies"]
GAMES = ["tag", "hide and seek", "catch", "a card game", "pirates", "school"]
BROKEN = [("vase", "flowers"), ("lamp", "table"), ("cup", "tea"), ("plate", "dinner"), ("bowl", "soup"), ("window", "room")]
HURT = [("bird", "wing"), ("kitten", "paw"), ("puppy", "leg"), ("rabbit", "foot"), ("duckling", "wing"), ("hedgehog", "leg")]


# --------------------------------------------------------------------------
# State
# --------------------------------------------------------------------------

class Person:
    """A character: name, pronouns, what it is called."""

    def __init__(self, name, female, kind, hand="hands", animal=False, voc=None, wise=None):
        self.n, self.female, self.kind, self.animal = name, female, kind, animal
        self.he, self.him, self.his = ("she", "her", "her") if female else ("he", "him", "his")
        self.He, self.His = self.he.capitalize(), self.his.capitalize()
        self.self = "herself" if female else "himself"
        self.hand, self.voc, self.wise = hand, voc or name, wise

    def __str__(self):
        return self.n


class Thing:
    """An object with an attribute that it keeps for the whole story."""

    def __init__(self, noun, adj):
        self.n, self.adj = noun, adj
        self.full = f"{adj} {noun}"
        self.a, self.the = f"a {self.full}", f"the {self.full}"

    def __str__(self):
        return self.n


class Place:
    def __init__(self, row):
        self.n, prep, self.spots, self.dwellers, self.wild = row
        self.at = f"{prep} the {self.n}"
        self.to = f"to the {self.n}"
        self.the = f"the {self.n}"

    def __str__(self):
        return self.n


class Bag:
    def __init__(self, **kw):
        self.__dict__.update(kw)


# A trait makes some plots more likely, so that the words of a prompt matter.
AFFINITY = {
    "kind": ("kindness", "hurt", "sharing"), "brave": ("storm", "night", "race"),
    "shy": ("newfriend", "birthday"), "curious": ("treasure", "planting"),
    "happy": ("birthday", "building"), "clever": ("stuck", "building", "treasure"),
    "funny": ("truth", "quarrel", "stuck"), "quiet": ("newfriend", "night", "lost"),
    "gentle": ("hurt", "planting"), "busy": ("building", "learning", "kindness"),
    "cheerful": ("visit", "race", "sharing"), "friendly": ("visit", "newfriend", "quarrel"),
}

_weights = {}


def lean(rng, key, items):
    """A choice with fixed uneven weights that depend on `key`.

    Equal chances would make every greedy story meet the same friend with the
    same thing. Here each hero has a few likely friends, things and places.
    """
    items = list(items)
    k = (key, tuple(map(str, items)))
    if k not in _weights:
        _weights[k] = [0.3 + 3.0 * random.Random(f"{key}/{i}").random() ** 3 for i in k[1]]
    return rng.choices(items, _weights[k])[0]


CHOICE = re.compile(r"\[([^\[\]]*)\]")


class Story:
    def __init__(self, rng):
        self.r = rng
        self.out = []
        self.s = {}

    # -- text -------------------------------------------------------------
    def expand(self, template):
        while True:
            new = CHOICE.sub(lambda m: self.r.choice(m.group(1).split("|")), template, count=1)
            if new == template:
                break
            template = new
        return template.format(**self.s)

    def say(self, *templates):
        """One of the paraphrases."""
        self.out.append(self.expand(self.r.choice(templates)))

    def maybe(self, p, *templates):
        if self.r.random() < p:
            self.say(*templates)

    def par(self):
        self.out.append("\n")

    def text(self):
        t = " ".join(self.out)
        t = re.sub(r" *\n *", "\n", t)
        t = re.sub(r"\b([Aa]) (?=[aeiouAEIOU])", r"\1n ", t)
        t = re.sub(r"((?:^|\n|[.!?] |\.\" |[.!?]\"\n)\"?)([a-z])", lambda m: m.group(1) + m.group(2).upper(), t)
        return t.strip()

    # -- state ------------------------------------------------------------
    def person(self, key, animal, avoid=(), female=None):
        r = self.r
        if female is None:
            female = r.random() < 0.5
        while True:
            if animal:
                kind = lean(r, key, ANIMALS)
                name = lean(r, key + kind, ANIMAL_GIRLS if female else ANIMAL_BOYS)
                p = Person(name, female, kind, ANIMALS[kind], True)
            else:
                p = Person(lean(r, key, GIRLS if female else BOYS), female, "girl" if female else "boy")
            if all(p.n != a.n and (not animal or p.kind != a.kind) for a in avoid):
                return p

    def thing(self, key):
        noun = lean(self.r, key, OBJECTS)
        adjs = list(OBJECTS[noun])
        if noun not in NO_COLOR:
            adjs += COLORS
        return Thing(noun, lean(self.r, key + noun, adjs))

    def food(self, key):
        noun = lean(self.r, key, FOODS_BY_NAME)
        return Thing(noun, lean(self.r, key, FOODS_BY_NAME[noun]))

    def hero(self, animal, style):
        """`style` is the number of the opening."""
        h = self.s["h"] = self.person(f"style{style}", animal)
        self.s["style"] = style
        self.s["key"] = h.n + h.kind if animal else h.n
        self.s["trait"] = lean(self.r, self.s["key"], TRAITS)

    def cast(self, animal, visit):
        """The state of the story besides the hero."""
        r, s = self.r, self.s
        h, key = s["h"], s["key"]
        # The friend mostly has the other pronoun, so "he" and "she" are clear.
        f = s["f"] = self.person(key, animal, (h,), female=(not h.female) if r.random() < 0.85 else h.female)
        woman = r.random() < 0.5
        # The person to visit is not a parent.
        word = lean(r, key, ["grandma", "aunt"] + ["mom"] * (not visit) if woman else ["grandpa", "uncle"] + ["dad"] * (not visit))
        s["e"] = Person(f"{h.his} {word}", woman, word, voc=word.capitalize())
        places = {p[0]: p for p in PLACES if p[4] or not animal}
        s["p"] = Place(places[lean(r, key, places)])
        s["o"] = self.thing(key)
        s["food"] = self.food(key)
        hobbies = dict(HOBBIES)
        s["hob"] = lean(r, key, hobbies)
        s["hobg"] = hobbies[s["hob"]]
        w = r.choice(WEATHER)
        s["w"] = w[0]
        s["wtext"] = self.expand(w[1])
        s["time"] = r.choice(["morning", "morning", "afternoon"])
        s["spot"], s["spot2"] = r.sample(s["p"].spots, 2)
        s["dw"] = r.choice(s["p"].dwellers)
        s["age"] = r.choice(["four", "five", "six", "seven"])


# --------------------------------------------------------------------------
# Openings and endings
# --------------------------------------------------------------------------

STYLE_WEIGHTS = [36, 12, 12, 10, 10, 8, 6, 6]


def opening(st, k):
    """The first sentences. They name the hero; st.s holds everything else."""
    r, s = st.r, st.s
    a = s["h"].animal
    if k == 0:
        if a:
            st.say("Once upon a time, [there was|there lived|not far from a {p}, there lived] a [{trait}|little|{trait} little] {h.kind} named {h}.",
                   "Once upon a time, a [{trait}|little] {h.kind} named {h} lived [near {p.the}|in a little house|with {h.his} family].")
        else:
            st.say("Once upon a time, there was a [{trait}|little|{trait} little] {h.kind} named {h}.",
                   "Once upon a time, there lived a [{trait}|little] {h.kind} [named|called] {h}.",
                   "Once upon a time, in a [small town|quiet village|house by the sea], there lived a {h.kind} named {h}.")
    elif k == 1:
        st.say("One [day|{time}], a [{trait}|little] {h.kind} named {h} was [playing|walking|sitting] {p.at}.",
               "One {w} {time}, a {h.kind} named {h} [woke up early|looked out of the window|was in a good mood].")
    elif k == 2:
        st.say("[There was|There was once] a [{trait}|little] {h.kind} [named|called] {h}.",
               "There once was a {h.kind} named {h}, and {h.he} was very {trait}.")
    elif k == 3:
        st.say("In a [small|quiet|sunny] [town|village|valley], there [was|lived] a [{trait}|little] {h.kind} named {h}." if not a else
               "In a [deep|green|quiet] [forest|valley], there lived a [{trait}|little] {h.kind} named {h}.",
               "[Near|Not far from] a [big|small|quiet] {p}, there lived a {trait} {h.kind} named {h}.")
    elif k == 4:
        st.say("{h} was a [{trait}|little|{trait} little] {h.kind} who [loved to {hob}|lived near {p.the}|had a good friend].",
               "{h} the {h.kind} was very {trait}." if a else "{h} was {age} years old, and {h.he} was very {trait}.")
    elif k == 5:
        st.say("It was a {w} {time}. A [{trait}|little] {h.kind} named {h} [was {p.at}|had nothing to do|went outside].",
               "It was {w} that {time}. {h}, a [{trait}|little] {h.kind}, [looked at the sky|put on {h.his} shoes|ran outside].".replace("|put on {h.his} shoes", "" if a else "|put on {h.his} shoes"))
    elif k == 6:
        st.say("{h} [and {f} were best friends|was {f}'s best friend]. {h} was a {trait} {h.kind}, and {f} was a [{f.kind} too|{f.kind} who loved to laugh].".replace("{f.kind} too|" if s["h"].kind != s["f"].kind else "\0", ""))
    else:
        st.say("Every [day|morning|Sunday], a {trait} {h.kind} named {h} [went|walked] {p.to}.",
               "Long ago, a {trait} {h.kind} named {h} lived [near a {p}|in a small house].")
    # about the hero
    if any(x in st.out[-1] for x in (s["hob"], "laugh")):
        return
    st.maybe(0.55, "{h.He} [loved|liked] to {hob}.",
             "{h} [loved|liked] {hobg} more than anything.",
             "Most of all, {h.he} [loved|liked] to {hob}.",
             "{h.He} was [always|very] {trait}, and {h.he} loved to {hob}.")


def ending(st, *more):
    st.say(*more)
    st.maybe(0.6, "From that day on, {h} and {f} [were the best of friends|always helped each other|played together every day].",
           "[That night|That evening], {h} [fell asleep with a smile|went to bed and smiled|dreamed about {p.the}].",
           "{h} was [very happy|so happy|happy and tired], and {f} was happy too.",
           "And {h} [never forgot|always remembered] that day.",
           "It was the best day of all.",
           "The sun went down, and [everyone went home|the day was over|the sky turned pink]. It had been a good day.",
           "[{h} and {f} laughed|They laughed] all the way home.",
           "The end.")


# --------------------------------------------------------------------------
# Plots
# --------------------------------------------------------------------------

def lost(st):
    s = st.s
    st.say("{h} had {o.a}. {h.He} took it everywhere.",
           "{h.His} [favorite|best] thing was {o.a}.",
           "{e.n} had given {h.him} {o.a}, and {h} [loved it very much|took good care of it].")
    st.par()
    st.say("One day, {h} [went|walked|ran] {p.to} [to play|with {f}|alone]. {wtext}",
           "[One {time}|That {time}], {h} took {o.the} {p.to}. {wtext}")
    st.say("But when {h.he} wanted to go home, {o.the} was gone!",
           "After a while, {h} looked [down|around]. Where was {o.the}? It was gone!",
           "{h} played for a long time. Then {h.he} saw that {o.the} was [gone|missing].")
    st.say("\"Oh no! [I lost my {o}|Where is my {o}]!\" [cried {h}|said {h}|{h} cried].",
           "{h} began to cry. \"[I lost my {o}|My {o} is gone],\" {h.he} said.",
           "{h} felt very sad. {h.He} [sat down|did not know what to do].")
    st.par()
    st.say("{f} [heard {h.him}|saw {h.him}] and [came to help|ran over]. \"[Don't cry|Don't worry], {h}. We will find it [together|soon],\" said {f}.",
           "{h.His} friend {f} came by. \"What is wrong?\" asked {f}. {h} told {f.him} about {o.the}. \"Let us look together,\" said {f}.",
           "Then {f} came along. \"I will help you [find it|look for your {o}],\" said {f}.")
    st.say("They looked {spot}, but [it was not there|they only found a leaf|there was nothing].",
           "First, they looked {spot}. [No {o}|It was not there|Nothing].",
           "They looked [everywhere|high and low]. They looked {spot}, but [it was not there|the {o} was not there].")
    st.say("A {dw} [came by|looked at them]. \"I saw [something {o.adj}|a {o}] {spot2},\" said the {dw}.",
           "Then {f} had an idea. \"Let us ask the {dw},\" {f.he} said. The {dw} told them to [look|go and look] {spot2}.",
           "Then {f} [stopped|pointed]. \"Look {spot2}!\" {f.he} said.")
    st.say("And there it was! {o.the} was {spot2}.",
           "They [ran|hurried] to see, and there, {spot2}, was {o.the}!",
           "{h} looked {spot2} and found {o.the}.")
    st.par()
    st.say("\"Thank you, {f}!\" said {h}, and {h.he} [gave {f.him} a big hug|hugged {o.the}|jumped for joy].",
           "{h} [hugged {f}|smiled a big smile]. \"[Thank you|You are a good friend]!\" {h.he} said.")
    ending(st, "After that, {h} always [took good care of|kept an eye on] {o.the}.",
           "They played with {o.the} until [the sun went down|it was time to go home].",
           "Now {h} knew that [a good friend is better than any {o}|it is good to ask for help].")


def sharing(st):
    s = st.s
    st.par()
    st.say("One day, {e.n} gave {h} {food.a}. It [looked|smelled] [so good|wonderful].",
           "One {time}, {h} had {food.a} for lunch. {h.He} was very hungry.",
           "{h} found {food.a} on the table. \"It is for you,\" said {e.n}.")
    st.say("{h} took it {p.to} [to eat it there|and sat down]. {wtext}",
           "{h.He} sat down {spot} {p.at} and wanted to take a bite.".replace("{spot} ", ""),
           "{h} [carried|took] {food.the} {p.to}. {wtext}")
    st.say("Then {h.he} saw {f}. {f} [looked sad|was all alone|was sitting {spot}].",
           "Just then, {f} came by. {f} had no lunch.",
           "{f} was there too. {f.He} looked at {food.the} and [said nothing|sighed].")
    st.say("\"What is wrong, {f}?\" asked {h}. \"I am [so hungry|very hungry], and I have nothing to eat,\" said {f}.",
           "\"Are you hungry?\" asked {h}. {f} nodded. \"I [forgot|dropped] my lunch,\" {f.he} said.")
    st.par()
    st.say("{h} looked at {food.the}. {h.He} wanted to eat it all. But {f} was {h.his} friend.",
           "{h} thought [for a moment|about it]. {food.the} was not very big. But [a friend is a friend|{f} looked so hungry].",
           "At first, {h} did not want to share. Then {h.he} thought, \"[I would be sad too|It is no fun to eat alone].\"")
    st.say("So {h} [shared {food.the} with {f}|gave half of {food.the} to {f}]. \"[Here|Half is for you],\" {h.he} said.".replace("[Here|Half is for you]", st.r.choice(["This half is for you", "Here, take some", "Let us share"])),
           "\"Let us share,\" said {h}, and {h.he} gave {f} half of {food.the}.")
    st.say("{f}'s eyes [became big|lit up]. \"Thank you, {h}! [You are so kind|This is so good]!\" {f.he} said.",
           "{f} smiled. \"[Thank you|You are a good friend], {h},\" {f.he} said.")
    st.say("They ate {food.the} together, and it tasted [better than ever|very good|twice as good].",
           "They sat side by side and ate until [nothing was left|not a crumb was left].")
    st.par()
    st.say("The next day, {f} [came with|brought] {o.a}. \"[This is for you|We can both play with it],\" {f.he} said.",
           "Then {f} showed {h} {o.a}. \"Now I will share with you,\" said {f}. They played with it all [day|afternoon].",
           "Later, {f} let {h} play with {f.his} {o.full}. They took turns.")
    ending(st, "{h} learned that [sharing makes two people happy|things are better when you share them].",
           "{h} [told|said to] {e.n}, \"[Sharing is fun|Half can be more than one].\" {e.n} smiled.",
           "\"It is good to share,\" [said|thought] {h}.")


def storm(st):
    s = st.s
    st.par()
    st.say("One {time}, {h} and {f} [were playing|went for a walk] {p.at}. {h} had {o.a} with {h.him}.",
           "One day, {h} and {f} went {p.to}. {h} brought {o.a}.")
    st.say("At first, the sky was blue. Then [dark|black|big gray] clouds came.",
           "Suddenly, the sky became dark and the wind began to blow.",
           "The wind [grew|became] stronger and stronger, and the sky turned gray.")
    st.say("[Boom!|Crash!|Rumble!] The thunder was very loud. [Rain began to fall|Big drops of rain fell].",
           "Then the rain came down. [Flash!|Boom!] There was lightning and thunder.")
    st.say("\"I am scared,\" said {f}. {f.He} [held {h}'s arm|was shaking|hid behind {h}].",
           "{f} was [very|so] scared. \"I want to go home,\" {f.he} said.",
           "\"What should we do?\" cried {f}.")
    st.par()
    shelter = Thing(*st.r.choice([("barn", "old"), ("hut", "little"), ("cave", "dry"), ("shed", "small")]))
    s["x"], s["shelter"] = shelter.n, shelter.a
    st.say("\"[Don't be afraid|Stay close to me],\" said {h}. \"I know a [dry|safe] place.\"",
           "{h} was scared too, but {h.he} wanted to be brave. \"[Come with me|Follow me]!\" {h.he} said.",
           "{h} looked around. \"There is a {x}! Run!\" {h.he} said.")
    st.say("They ran [as fast as they could|hand in hand] to {shelter}. Inside, it was [dry|dark but dry].".replace("|hand in hand", "" if s["h"].animal else "|hand in hand"),
           "They ran through the rain and found {shelter}. There they were safe.")
    st.say("{h} [told a funny story|sang a song|made a silly face] to make {f} feel better.",
           "To pass the time, they [sang songs|told stories|counted the drops]. Soon {f} was not so scared.",
           "{h} gave {o.the} to {f} to hold. \"It [always makes me feel better|will keep you safe],\" {h.he} said.")
    st.say("After a while, the storm [was over|went away], and the sun came out again.",
           "At last, the rain stopped. [A bird began to sing|The clouds moved away].")
    st.par()
    st.say("\"Look! A rainbow!\" said {f}. It was [over {p.the}|big and bright|the biggest they had ever seen].",
           "They stepped outside. There was a [big|bright|beautiful] rainbow over {p.the}.")
    st.say("{h} still had {o.the}. It was [only a little wet|dry and safe].",
           "\"You were very brave, {h},\" said {f}. \"[You too|We were brave together],\" said {h}.",
           "\"Storms are not so bad [with a friend|when you are here],\" said {f}.")
    ending(st, "They walked home and told {e.n} [about the storm|everything].",
           "When they came home, {e.n} gave them [warm milk|hot soup|dry towels].",
           "Now {f} is not afraid of [storms|thunder] any more.")


def learning(st):
    s = st.s
    k = st.r.choice(SKILLS)
    s["k"] = Bag(to=k[0], ing=k[1], bad=k[2], good=k[3], place=k[4])
    st.say("There was one thing {h.he} could not do. {h.He} could not {k.to}.",
           "{h} wanted to learn to {k.to}.",
           "{h.He} had one big wish. {h.He} wanted to {k.to}.")
    st.say("{f} could {k.to} very well. [{h} wanted to do it too|It looked so easy].",
           "All of {h.his} friends could {k.to}, but {h} could not.")
    st.par()
    st.say("One {w} {time}, {h} tried. But {h.he} {k.bad}.",
           "One day, {h} said, \"Today I will learn to {k.to}!\" {h.He} tried, but {h.he} {k.bad}.",
           "{h} tried and tried, but every time {h.he} {k.bad}.")
    st.say("\"[I can't do it|I will never learn it|This is too hard]!\" said {h}. {h.He} [was sad|felt angry|wanted to stop].",
           "{h} [sat down|felt sad]. \"I give up,\" {h.he} said.",
           "{h.His} face turned red. \"[It is too hard|I am no good at this],\" {h.he} said.")
    st.say("{f} came and sat next to {h.him}. \"I could not {k.to} at first, too,\" said {f}. \"[You must try again|Go slowly|I will help you].\"",
           "\"[Don't give up|Try again],\" said {f}. \"I will show you how.\"",
           "{e.n} smiled. \"Nobody can {k.to} on the first day,\" {e.he} said. \"[Try again tomorrow|You need to practice].\"")
    st.par()
    st.say("So {h} [practiced every day|tried again the next day|tried once more]. [Little by little|Slowly], {h.he} got better.",
           "The next day, {h} tried again, and the day after that, too. {h.He} did not give up.",
           "{h} took a deep breath. {h.He} tried again and again.")
    st.say("Then, one day, it worked! {h} {k.good}.",
           "And then it happened. {h} {k.good}!",
           "At last, {h.he} did it. {h} {k.good}!")
    st.say("\"[I did it|Look at me|I can do it]!\" {h.he} [shouted|cried]. {f} clapped and [cheered|laughed|jumped up and down].",
           "\"You did it!\" [shouted|cried] {f}. {h} was so proud.",
           "{f} cheered. \"I knew you could do it, {h}!\" {f.he} said.")
    st.par()
    st.say("Now {h} and {f} love {k.ing} together.",
           "After that, {h} could {k.to} as well as {f}.",
           "Now {h} can {k.to}, and {h.he} does it every day.")
    ending(st, "{h} learned that [you must not give up|you can do hard things if you practice|it is all right to fall and try again].",
           "\"Hard things become easy when you [practice|try],\" said {h}.",
           "When {h} met [a smaller child|someone] who could not {k.to}, {h.he} said, \"[Don't give up|Try again]. I will help you.\"".replace("a smaller child", "a little one"))


def visit(st):
    s = st.s
    st.say("{h.He} had not seen {e.n} for a long time.",
           "{e.n} lived [on the other side of {p.the}|in a little house near {p.the}].",
           "{h.He} wanted to visit {e.n}, who lived near {p.the}.")
    st.par()
    st.say("One {w} {time}, {h} [went to see {e.n}|set off]. {h.He} took {food.a} as a gift.",
           "One day, {h} packed {food.a} and went to visit {e.n}. {wtext}",
           "\"Today I will visit {e.n},\" said {h}.".replace("{e.n}", "my " + s["e"].kind) + " {h.He} put {food.a} in a basket.")
    st.say("On the way, {h.he} met {f}. \"Where are you going?\" asked {f}. \"To my " + s["e"].kind + ". [Come with me|Do you want to come]!\" said {h}.".replace("[Come with me|Do you want to come]", "Come with me"),
           "{h.He} walked [over the bridge|along the path|past {p.the}] and met {f}. \"May I come with you?\" asked {f}. \"Yes!\" said {h}.")
    st.say("But the path [was muddy|went left and right], and they [lost their way|did not know where to go].",
           "Soon they came to a place where the path [split in two|ended]. \"[Which way is it|Are we lost]?\" asked {f}.",
           "They walked and walked. \"I think we are lost,\" said {f}.")
    st.say("A {dw} was sitting {spot}. \"[Go past the big tree|Turn left at the stone|Follow the stream],\" said the {dw}. They said thank you.",
           "{h} saw a {dw} {spot} and asked for help. The {dw} showed them the right way.",
           "{h} remembered something. \"The house is behind the [big tree|old mill|tall hill]!\" {h.he} said.")
    st.par()
    st.say("At last, they [saw the house|came to the little house]. {e.n} was [at the door|waiting at the gate].",
           "Soon they [saw|could see] smoke over a little roof. It was the right house! {e.n} opened the door.")
    st.say("\"{h}! [I am so glad to see you|What a nice surprise]!\" said {e.n}. {e.he} gave {h.him} a big hug.",
           "{h} ran into {e.his} arms. \"I missed you, {e.voc}!\" {h.he} said.")
    st.say("They [sat at the table|sat by the fire] and ate {food.the} together. {e.n} told them [old stories|a funny story].",
           "{h} gave {e.him} {food.the}. \"My favorite!\" said {e.n}. They ate it together.")
    st.say("Before they left, {e.n} gave {h} {o.a}. \"[So you will think of me|It was mine when I was little],\" {e.he} said.",
           "Then they played [{game}|a game] until it was dark.".format(game=st.r.choice(GAMES)))
    ending(st, "\"[Come again soon|Please come back soon]!\" said {e.n}. \"We will!\" said {h} and {f}.",
           "{h} and {f} found the way home [easily|without any trouble].",
           "On the way home, {h} said, \"[Next time we will bring two gifts|A visit is the best gift].\"")


def quarrel(st):
    s = st.s
    if s["style"] != 6:
        st.say("{h.His} best friend was {f}. They did everything together.",
               "{h} and {f} played together every day.",
               "{h} had a good friend named {f}.")
    st.par()
    st.say("One day, they found {o.a} {p.at}. \"[It is mine|I saw it first]!\" said {h}. \"No, it is mine!\" said {f}.",
           "One {time}, {h} and {f} were playing {p.at} with {o.a}. Both wanted to have it. \"[It is my turn|Give it to me]!\" said {f}. \"No!\" said {h}.")
    st.say("They pulled and pulled, and {o.the} [fell into the mud|fell to the ground].",
           "{h} pulled on one side, and {f} pulled on the other side. [Rip!|Crack!] A piece of {o.the} came off.",
           "They shouted at each other. {h} [took {o.the} and ran away|grabbed {o.the} and turned away].")
    st.say("\"[I don't want to play with you|You are not my friend] any more!\" said {f}, and {f.he} went home.",
           "{f} was angry. {f.He} [walked away|went home] without a word.")
    st.par()
    st.say("{h} sat alone {spot}. {h.He} had {o.the}, but it was no fun [at all|without {f}].",
           "Now {h} was alone with {o.the}. {h.He} felt [very sad|bad|lonely].",
           "At home, {h} did not want to [eat|talk]. {h.He} missed {f}.")
    st.say("\"What is wrong?\" asked {e.n}. {h} told {e.him} everything. \"[You can say sorry|A friend is worth more than a {o}],\" said {e.n}.",
           "{e.n} saw {h.his} sad face. \"Did you say sorry?\" {e.he} asked. {h} shook {h.his} head.",
           "{h} thought about it all night. \"[{f} is more important than a {o}|I was not nice to {f}],\" {h.he} said to {h.self}.")
    st.say("The next morning, {h} went to {f}'s house. {h.He} [brought|took] {o.the} with {h.him}.",
           "So {h} [ran|walked] to {f}. {h.His} heart beat fast.")
    st.say("\"I am sorry, {f},\" said {h}. \"[You can have {o.the}|I was not fair|Let us share it].\" \"I am sorry too,\" said {f}.",
           "\"I am sorry,\" said {h}. {f} looked at {h.him}. \"I am sorry too,\" said {f}. \"[Let us be friends again|I missed you].\"")
    st.par()
    st.say("They hugged. Then they [fixed|cleaned] {o.the} and took turns with it.",
           "From then on, they took turns. One day {h} had {o.the}, and the next day {f} had it.",
           "They [smiled|laughed] and went {p.to}. There they played with {o.the} together.")
    ending(st, "{h} was glad to have {h.his} friend back.",
           "{h} learned that [saying sorry is brave|friends are more important than things].",
           "And {o.the} belonged to both of them.")


def building(st):
    s = st.s
    b = st.r.choice([x for x in BUILDS if not s["h"].animal or x[4] not in ("living room", "playroom")])
    s["b"] = Bag(n=b[0], of=b[1], bad=b[2], fix=b[3], place=b[4])
    st.par()
    st.say("One {time}, {h} said to {f}, \"Let us build a {b.n}!\" \"[Yes|Good idea|What fun]!\" said {f}.",
           "One day, {h} and {f} wanted to build a {b.n} [in|at] the {b.place}.".replace("[in|at]", "by" if b[4] in ("river", "lake") else "on" if b[4] == "beach" else "in"),
           "{h} had a big plan. {h.He} wanted to build a {b.n} with {f}.")
    st.say("They [looked for|found|brought] {b.of}. {h} [worked hard|made a plan], and {f} helped.",
           "They used {b.of}. {f} carried everything, and {h} [put it together|did the building].",
           "All {time} they worked with {b.of}.")
    st.say("The {b.n} [grew and grew|was almost ready]. But then {b.bad}.",
           "It [looked good|was coming along well]. But suddenly {b.bad}!",
           "\"We are almost done,\" said {f}. Just then, {b.bad}.")
    st.say("\"Oh no!\" cried {f}. \"[All our work|Now it is broken]!\" {f.He} [wanted to stop|was very sad].",
           "{f} [looked at it|sat down] and sighed. \"It is no good,\" {f.he} said.",
           "{h} felt like crying. \"We worked so hard,\" {h.he} said.")
    st.par()
    st.say("But {h} did not give up. \"We can [fix it|make it better],\" {h.he} said.",
           "{e.n} came to look. \"[Every builder makes mistakes|Try again, but slowly],\" {e.he} said.",
           "{h} thought for a while. \"I know what to do!\" {h.he} said.")
    st.say("So they {b.fix}. [It took a long time|They worked until lunch].",
           "Together they {b.fix}. This time, it [held|worked].",
           "They {b.fix}, and {f} made sure that it was [strong|right].")
    st.say("At last, the {b.n} was ready. It was [even better than before|big and strong|the best {b.n} they had ever seen].",
           "When the {b.n} was done, {h} put {o.a} on top. It looked [wonderful|great].",
           "And now the {b.n} stood strong. {h} and {f} [cheered|danced around it].")
    st.par()
    st.say("\"We did it [together|as a team]!\" said {f}.",
           "\"I could not have done it without you,\" said {h}.",
           "{e.n} clapped. \"What a fine {b.n}!\" {e.he} said.")
    ending(st, "They [played|sat] there until the sun went down.",
           "Every day, {h} and {f} came back to play with their {b.n}.",
           "{h} learned that [it is good to work together|you can always start again].")


def birthday(st):
    s = st.s
    s["gift"] = st.r.choice(GIFTS)
    st.par()
    st.say("It was {h}'s birthday. {h.He} was [very|so] excited and woke up early.",
           "One day, it was {h}'s birthday. {h.He} jumped out of bed.",
           "Today was a big day. It was {h}'s birthday!")
    st.say("{h.He} [waited|looked around] for {h.his} friends, but nobody came.",
           "But nobody said a word about it. {e.n} was busy, and {f} was not at home.",
           "{h} ran to {f}. \"Do you know what day it is?\" {h.he} asked. \"[It is just a normal day|I have no time], {h},\" said {f}.")
    st.say("{h} felt sad. \"[They all forgot|Nobody remembers my birthday],\" {h.he} thought.",
           "{h} went {p.to} and sat {spot}. {h.He} felt [lonely|very sad].",
           "{h.His} eyes filled with tears. \"[They forgot me|It is my birthday, and I am alone],\" {h.he} said.")
    st.par()
    st.say("In the [afternoon|evening], {h} [came|walked] home slowly. It was very quiet, and the [room|house] was dark.",
           "Then {h.he} heard a [strange|funny|soft] sound. It came from [the house|behind the door].",
           "Then {e.n} called {h.him}. \"{h}, come here, please!\" {e.he} said.")
    st.say("{h} opened the door. \"Surprise!\" [shouted everyone|they all shouted]. {f} was there, and {e.n}, too.",
           "Suddenly, everyone jumped up. \"Happy birthday, {h}!\" they shouted.")
    st.say("There was a [big|sweet|chocolate|honey] cake with [{age}|six|many] candles. {h} made a wish and blew [them out|out the candles].",
           "On the table stood a [big|chocolate|strawberry] cake. They sang a song for {h}.")
    st.say("{f} gave {h.him} {gift}. \"I made a secret of it,\" {f.he} said.",
           "{f} gave {h} {o.a}. \"[I hope you like it|It was hard to keep it a secret],\" {f.he} said. \"[I love it|It is beautiful]!\" said {h}.",
           "{e.n} gave {h.him} {o.a}, and {f} gave {h.him} {gift}.")
    st.par()
    st.say("\"I thought you forgot me,\" said {h}. \"[We would never forget you|Never]!\" said {f}.",
           "They [danced|played {game}|sang and laughed] all evening.".replace("{game}", st.r.choice(GAMES[:4])),
           "{h} laughed. \"You are the best friends in the world,\" {h.he} said.")
    ending(st, "It was the best birthday {h} ever had.",
           "{h} was not sad any more. {h.His} wish had come true.",
           "At night, {h} thought, \"[The best gift is a good friend|What a wonderful day].\"")


def hurt(st):
    s = st.s
    n, part = st.r.choice(HURT)
    s["a"] = Bag(n=n, part=part)
    st.par()
    st.say("One {time}, {h} was walking {p.at} [with {f}|when {h.he} heard a small cry].",
           "One day, {h} [went|walked] {p.to}. {wtext} Then {h.he} heard a [soft|small] cry.",
           "One {w} day, {h} and {f} were playing {p.at}.")
    st.say("{spot} {h.he} found a little {a.n}. Its {a.part} was hurt.".replace("{spot}", s["spot"].capitalize() + ","),
           "There, {spot}, lay a tiny {a.n}. It had hurt its {a.part}.",
           "{h} looked {spot} and saw a small {a.n} with a hurt {a.part}.")
    st.say("\"Poor little {a.n},\" said {h}. \"[I will help you|Don't be afraid].\"",
           "\"We must help it!\" said {h}.",
           "The {a.n} was shaking. \"I won't hurt you,\" {h} said [softly|in a quiet voice].")
    st.say("{h.He} put it in {h.his} [hat|basket|scarf] and carried it home [very slowly|with care].",
           "{h} [picked it up with care|lifted it very gently] and took it home.")
    st.par()
    st.say("{e.n} looked at the {a.part}. \"It needs [rest|a warm bed|time],\" {e.he} said. They made a [soft bed|little bed] in a box.",
           "At home, {e.n} helped {h.him} to [clean|wrap] the {a.part}. Then they made a bed of [hay|soft cloth].",
           "{f} came with {o.a}. \"[This will keep it company|It can have this],\" {f.he} said.")
    st.say("Every day, {h} gave the {a.n} [food and water|water and a little bread]. {f} [sang to it|came to look after it, too].",
           "{h} and {f} took care of the {a.n}. They [fed it|gave it water] and [talked to it|told it stories].")
    st.say("Day by day, the {a.n} [grew stronger|got better].",
           "After [a week|some days|two weeks], the {a.part} was [much better|well again].")
    st.par()
    st.say("Then it was time to say goodbye. {h} took the {a.n} back {p.to}. {h.He} was [sad and happy at the same time|a little sad].",
           "One morning, the {a.n} wanted to go outside. \"It wants to go home,\" said {e.n}. {h} [opened the door|nodded].")
    st.say("The {a.n} looked back one more time, and then it was gone. \"Goodbye, little {a.n}!\" said {h}.",
           "\"Goodbye, little friend,\" said {h}. The {a.n} [made a happy sound|looked at {h.him}] and went away.")
    ending(st, "But the {a.n} did not forget. Every {time}, it came back to [say hello|see {h}].",
           "{e.n} put an arm around {h.him}. \"You [did a good thing|have a kind heart],\" {e.he} said.",
           "Some days later, {h} saw the {a.n} again {p.at}. It [was well|looked happy].")


def night(st):
    s = st.s
    n = st.r.choice(NOISES)
    s["z"] = Bag(sound=n[0], cause=n[1], doing=n[2])
    st.say("But {h} was afraid of [one thing|something]. {h.He} was afraid of the dark.",
           "In the day, {h} was [brave|never afraid]. But at night, {h.he} did not like the dark.")
    st.par()
    st.say("One night, {h} was in bed. {f} was there, too, for a sleepover. It was [very dark|dark and quiet].",
           "One night, {f} [came to stay|slept at {h}'s house]. The moon was [behind a cloud|small and thin].")
    st.say("Suddenly, they heard a sound. \"{z.sound}!\"".replace("{z.sound}", n[0].capitalize()),
           "Then there was a strange sound. \"" + n[0].capitalize() + "!\" it went.")
    st.say("\"[What was that|Did you hear that]?\" whispered {h}. {h.He} [hid under the blanket|pulled the blanket over {h.his} head].",
           "{h}'s heart beat fast. \"[Is it a monster|Who is there]?\" {h.he} whispered.")
    st.say("\"I don't know,\" said {f}. \"Let us [look|find out].\" {f} took {o.a} and got up." if s["o"].n == "lantern" else
           "\"I don't know,\" said {f}. \"Let us [look|find out].\" {f} took a lamp and got up.",
           "\"[Maybe it is nothing|It is only a sound],\" said {f}, but {f.he} was afraid, too.",)
    st.par()
    st.say("{h} took a deep breath. \"We will go together,\" {h.he} said, and {h.he} held {o.the} very tight.".replace("{o.the}", "{h.his} {o.full}"),
           "{h} wanted to be brave. {h.He} took {h.his} {o.full} and [got out of bed|stood up].")
    st.say("Step by step, they [walked|went] through the dark. \"" + n[0].capitalize() + "!\" There it was again!",
           "They [walked on tiptoe|went very slowly]. The sound came again, and now it was [louder|closer].")
    st.say("{h} [looked|held up the light]. It was only {z.cause}, {z.doing}!",
           "Then {h} began to laugh. It was {z.cause}, {z.doing}. That was all!",
           "And what did they see? It was {z.cause}, {z.doing}!")
    st.par()
    st.say("\"There is no monster,\" said {h}. \"[It was only|Just] {z.cause}.\" They both laughed.".replace("[It was only|Just]", "It was only"),
           "\"[We were so silly|And we were so afraid]!\" said {f}, and they laughed.",
           "{e.n} woke up and came. \"What are you doing?\" {e.he} asked. They told {e.him}, and {e.he} laughed, too.")
    st.say("They went back to bed. {h} put {h.his} {o.full} next to {h.him} and [closed {h.his} eyes|fell asleep].",
           "Soon they were [warm in bed|fast asleep] again.")
    ending(st, "After that night, {h} was not afraid of the dark any more.",
           "Now, when {h} hears a sound at night, {h.he} [smiles|thinks of {z.cause}].",
           "{h} learned that [the dark is the same as the day, only without light|things are less scary when you look at them].")


def planting(st):
    s = st.s
    n, look = st.r.choice(PLANTS)
    s["t"] = Bag(n=n, look=look)
    st.par()
    st.say("One {time}, {e.n} gave {h} a [tiny|small|little] seed. \"It will be a {t.n} one day,\" {e.he} said.",
           "One day, {h} found a [tiny|small] seed {p.at}. \"What is it?\" {h.he} asked. \"It is the seed of a {t.n},\" said {e.n}.")
    st.say("{h} [dug a hole|made a small hole] in the ground, put the seed in, and gave it water.",
           "{h} planted the seed [behind the house|in a pot|near the fence] and watered it.")
    st.say("The next day, {h.he} ran to look. But there was nothing to see. \"Why does it not grow?\" asked {h}.",
           "{h} waited and waited, but nothing [happened|came up]. {h.He} was [sad|not happy].",
           "Every day, {h} looked, but there was only [brown earth|mud].")
    st.say("\"Maybe it is a bad seed,\" said {f}. \"[Let us play {game}|Forget it].\" But {h} did not want to give up.".replace("{game}", st.r.choice(GAMES[:4])),
           "\"[You must wait|Seeds need time],\" said {e.n}. \"[It needs sun, water, and love|Good things take time].\"",
           "{f} laughed. \"You are watering mud!\" {f.he} said. {h} [did not laugh|said nothing].")
    st.par()
    st.say("So {h} watered it every day. {h.He} [sang to it|talked to it|even said good night to it].",
           "{h} did not forget the seed. In the morning and in the evening, {h.he} gave it water.")
    st.say("Then, one {w} morning, there was a tiny green leaf! \"[Look|It is growing]!\" shouted {h}.",
           "After [a week|two weeks|many days], {h} saw something green. It was a tiny leaf!")
    st.say("{f} came to look. \"You were right,\" {f.he} said. \"[May I help you|Can I water it, too]?\" \"Yes,\" said {h}.",
           "Now {f} wanted to help, too. They took turns with the [water|watering can].")
    st.say("The {t.n} grew and grew. In the summer, it was {t.look}.",
           "Week after week, the {t.n} grew. At last, it was {t.look}.")
    st.par()
    st.say("{e.n} was [proud|amazed]. \"You [took good care of it|did not give up],\" {e.he} said.",
           "All the neighbors came to see the {t.n}. {h} was very proud.",
           "{h} and {f} sat down next to the {t.n} and [smiled|had a picnic].")
    ending(st, "{h} learned that good things take time.",
           "In the fall, {h} found new seeds. {h.He} gave half of them to {f}.",
           "\"And it all began with one tiny seed,\" said {h}.")


def newfriend(st):
    s = st.s
    st.say("But {h} had no one to play with.",
           "{h} often played alone [with {o.a}|{p.at}].".replace("with {o.a}", "with {h.his} {o.full}"),
           "{h} [wished|wanted] to have a friend.")
    st.par()
    st.say("One day, someone new came to the {x}. It was a {f.kind} named {f}.".replace("{x}", st.r.choice(["valley", "village"]) if s["h"].animal else st.r.choice(["town", "street", "school"])),
           "One {w} {time}, {h} saw a {f.kind} {p.at}. {h.He} had never seen {f.him} before.")
    st.say("The new {f.kind} sat {spot} and [looked at the ground|did not say a word].",
           "{f} stood [alone|all alone] {spot}. {f.He} looked [shy|sad|lonely].")
    st.say("{h} wanted to say hello, but {h.he} was [shy|a little afraid]. \"[What if {f.he} does not like me|What should I say]?\" {h.he} thought.",
           "{h} hid [behind a tree|behind a wall]. {h.He} did not know what to say.",
           "\"Go and say hello,\" said {e.n}. But {h} [shook {h.his} head|was too shy].")
    st.par()
    st.say("Then {h} looked at {h.his} {o.full}. That gave {h.him} an idea.",
           "Then {h} had an idea. {h.He} ran home and got {h.his} {o.full}.")
    st.say("{h} walked [slowly|] to {f}. \"Hello, I am {h}. Do you want to [see|play with] my {o}?\" {h.he} asked.".replace("[slowly|] ", st.r.choice(["slowly ", ""])),
           "{h.He} went up to {f} and held out {o.the}. \"[Do you want to play|We can play together],\" {h.he} said.".replace("[Do you want to play|We can play together],", "We can play together,"))
    st.say("{f} looked up and smiled. \"[Yes, please|I would love to]! I am {f},\" {f.he} said.",
           "\"[I like it|What a nice {o}]!\" said {f}. \"My name is {f}.\"")
    st.say("They played with {o.the} all {time}. {f} [laughed a lot|told funny jokes|knew many games].",
           "First they played with {o.the}. Then they played {game}.".replace("{game}", st.r.choice(GAMES[:4])),
           "Soon they were [running and laughing|laughing together] {p.at}.")
    st.par()
    st.say("\"I was afraid to talk to you,\" said {h}. \"Me too!\" said {f}. They laughed.",
           "\"Will you come back tomorrow?\" asked {f}. \"[Of course|Yes, I will]!\" said {h}.",
           "\"Now I have a friend here,\" said {f}. \"[And I have one, too|Me too],\" said {h}.")
    ending(st, "{h} was not alone any more.",
           "{h} told {e.n} about {f}. \"[One hello can make a friend|You were very brave],\" said {e.n}.",
           "After that, {h} and {f} met {p.at} every day.")


def race(st):
    s = st.s
    st.par()
    st.say("One day, there was a big race {p.at}. {h} wanted to win. The prize was {o.a}.",
           "One {w} {time}, all the friends met {p.at} for a race. The winner would get {o.a}.")
    st.say("{f} was in the race, too. \"[I am faster than you|I will win]!\" said {f}. {h} [only smiled|said nothing].",
           "{h} and {f} stood side by side. \"Good luck, {f}!\" said {h}. \"Good luck, {h}!\" said {f}.",
           "{h} had practiced [every day|for weeks]. {f} had practiced, too.")
    st.say("\"One, two, three, go!\" called {e.n}. [They all ran as fast as they could|Off they went].",
           "{e.n} counted to three, and they [started to run|ran off].")
    st.say("{h} was [in front|very fast]. Then {h.he} heard a cry. {f} had [fallen down|slipped in the mud].",
           "Near the end, {f} [fell over a stone|fell and hurt {f.his} knee]. \"Ouch!\" cried {f.he}.".replace("cried {f.he}", "{f.he} cried"))
    st.par()
    st.say("{h} looked at the finish. It was so close! But {h.he} stopped and [ran|turned] back.",
           "What should {h} do? {h.He} could win now. But {f} was hurt, so {h.he} stopped.")
    st.say("\"Are you all right?\" asked {h}. {h.He} helped {f} up.",
           "\"Come, I will help you,\" said {h}. {h.He} [pulled {f} up|took {f}'s arm].")
    st.say("\"But now you will not win,\" said {f}. \"[That does not matter|You are more important than {o.a}],\" said {h}.",
           "\"Why did you stop?\" asked {f}. \"[Because you are my friend|A friend is better than a prize],\" said {h}.")
    st.say("They walked to the finish together. They were the last ones, but everybody clapped.",
           "Side by side, they crossed the finish. Someone else had won, but [nobody looked at the winner|everyone cheered for them].")
    st.par()
    st.say("Then {e.n} came with {o.the}. \"This is for {h}, for a kind heart,\" {e.he} said.",
           "The winner came to {h}. \"You [should have this|are the real winner],\" the winner said and gave {h.him} {o.the}.")
    ending(st, "{h} and {f} [shared|took turns with] {o.the}.",
           "{f} never [said {f.he} was faster|laughed at {h}] again. They ran together, just for fun.",
           "{h} was [happier than any winner|very proud].")


def truth(st):
    s = st.s
    n, w = st.r.choice(BROKEN)
    s["v"] = Bag(n=n)
    if s["o"].n not in ("ball", "train", "truck", "kite", "boat", "drum"):
        s["o"] = Thing("ball", st.r.choice(COLORS))
    st.par()
    st.say("One rainy day, {h} and {f} played [inside|in the house] with {o.a}.",
           "One {time}, {h} played in the house with {h.his} {o.full}. {f} was there, too.")
    st.say("\"[Be careful|Don't play so wild],\" {e.n} had said. But {h} forgot it.",
           "\"Not in the house!\" said {f}, but {h} did not listen.",
           "They ran and jumped and laughed.")
    st.say("Suddenly, [crash!|bang!] {o.the} hit {e.n}'s [favorite|best|old] {v.n}. It broke [into pieces|in two].".replace("{e.n}'s", "the").replace("[favorite|best|old] ", st.r.choice(["big ", "old ", "blue ", ""])),
           "Then {o.the} flew [too far|through the air] and hit a {v.n}. [Crash!|Bang!] The {v.n} was broken.")
    st.say("\"Oh no!\" whispered {f}. \"What will we do?\" {h}'s face turned [white|red].",
           "{h} looked at the pieces. {h.He} felt sick. \"[I will be in trouble|What have I done]?\" {h.he} said.".replace("[I will be in trouble|What have I done]?", "What have I done?"))
    st.par()
    st.say("\"We could say it was the cat,\" said {f}. {h} thought about it." if s["h"].kind != "cat" and s["f"].kind != "cat" else
           "\"We could say it was the wind,\" said {f}. {h} thought about it.",
           "First, {h} wanted to hide the pieces [under the bed|in a box].",
           "{h} wanted to run away and hide.")
    st.say("But that was not right. \"[No, I will tell the truth|I must tell the truth],\" {h.he} said.",
           "But {h.his} heart felt heavy. \"I don't want to lie,\" {h.he} said.")
    st.say("{h} went to {e.n}. \"{e.voc}, I broke the {v.n}. [I am so sorry|It was my fault],\" {h.he} said.",
           "When {e.n} came in, {h} said, \"{e.voc}, I was playing with {o.the} and I broke the {v.n}. I am sorry.\"")
    st.say("{e.n} looked at the {v.n} and then at {h}. \"I am sad about the {v.n},\" {e.he} said. \"But I am glad that you told [me|the truth].\"",
           "{e.n} was quiet for a moment. Then {e.he} hugged {h.him}. \"Thank you for telling the truth,\" {e.he} said.")
    st.par()
    st.say("Together they [cleaned up|picked up the pieces], and {f} helped.",
           "They [glued|put] the {v.n} back together with glue. It [looked a little funny|was not perfect].".replace("[glued|put]", "put"),
           "{h} and {f} cleaned the whole room.")
    st.say("\"I was afraid, but now I feel [better|light],\" said {h}.",
           "\"That was brave,\" said {f}. {h} smiled.")
    ending(st, "After that, {h} only played with {o.the} outside.",
           "{h} learned that telling the truth is [always better|hard, but good].",
           "And every time {h} saw the {v.n}, {h.he} thought of that day.")


def stuck(st):
    s = st.s
    if s["o"].n not in ("kite", "ball", "hat", "scarf", "feather"):
        n = st.r.choice(["kite", "ball", "hat", "scarf"])
        s["o"] = Thing(n, st.r.choice(COLORS + OBJECTS[n]))
    help_ = st.r.choice([Thing("stick", "long"), Thing("ladder", "old"), Thing("rope", "thick"), Thing("box", "big")])
    s["help"], s["tool"] = help_.a, f"the {help_.n}"
    st.say("{h} had {o.a}. It was [new|a gift from {e.n}|{h.his} favorite thing].".replace("new|", "" if s["o"].adj in ("new", "old") else "new|"),
           "{e.n} had made {o.a} for {h.him}.")
    st.par()
    st.say("One windy day, {h} took it {p.to}. {f} came, too.",
           "One day, {h} and {f} played with {o.the} {p.at}. The wind was [strong|wild].")
    st.say("Suddenly, the wind [took|grabbed] {o.the}. It flew up, up, up, and got stuck in a [tall|high|big] tree.",
           "Whoosh! The wind blew {o.the} high into a [big|tall] tree. There it was stuck.")
    st.say("\"My {o}!\" cried {h}. {h.He} jumped, but the tree was too high.",
           "{h} tried to reach it, but {h.he} was too small. \"[What now|Oh no], {f}?\" {h.he} said.".replace("[What now|Oh no], {f}?", "What now, {f}?"))
    st.say("{f} shook the tree, but {o.the} did not move.",
           "{f} tried to climb up, but the branches were too [thin|high].",
           "{f} [threw a stick|jumped very high], but that did not help.")
    st.par()
    st.say("A {dw} watched them. \"[Use {help}|You need {help}],\" said the {dw}.",
           "Then {h} saw {help} {spot}. \"We can use that!\" {h.he} said.",
           "\"Let us think,\" said {h}. They thought and thought. Then {f} found {help}.")
    st.say("{h} held {tool}, and {f} [helped|told {h.him} where to go]. A little more, a little more...",
           "They used {tool}. {f} held it, and {h} [reached up|stretched].")
    st.say("Plop! {o.the} fell [down|into {h}'s arms]. \"We [did it|got it]!\" they shouted.",
           "At last, {o.the} came free and fell to the ground. \"Hooray!\" shouted {f}.")
    st.par()
    st.say("\"Alone, I could not have done it,\" said {h}. \"Thank you, {f}.\"",
           "{h} hugged {o.the}, and then {h.he} hugged {f}.")
    ending(st, "\"Next time, hold on [tight|to your {o}]!\" said {f}. {h} laughed and nodded.",
           "After that, they played far away from [the tree|tall trees].",
           "{h} learned that [two heads are better than one|every problem has an answer].")


def treasure(st):
    s = st.s
    st.par()
    st.say("One {w} {time}, {h} found an old map {spot} {p.at}.".replace("{spot} {p.at}", "{p.at}"),
           "One day, {h} and {f} were playing {p.at}. {spot}, they found an old map.".replace("{spot}", s["spot"].capitalize()))
    st.say("There was a big red cross on it. \"It is a treasure map!\" [said|shouted] {f}.",
           "\"Look, {f}! A treasure map!\" said {h}. {f} could not believe it.")
    st.say("They followed the map. First, they [crossed a bridge|walked past a big tree|counted ten steps]. Then they [went around a rock|climbed over a wall|turned left].",
           "The map showed the way. They walked [ten|twenty] steps to the left and [ten|five] steps to the right.")
    st.say("But {f} was tired. \"[There is no treasure|I want to go home],\" {f.he} said. \"[Only a little more|We are almost there],\" said {h}.",
           "Then it began to rain, and the map got wet. \"Now we can't read it!\" said {f}. \"I remember the way,\" said {h}.",
           "A {dw} stood in the way. \"What are you looking for?\" asked the {dw}. \"A treasure,\" said {h}. The {dw} let them pass.")
    st.par()
    st.say("At last, they came to the place with the cross. It was {spot2}. They began to dig.",
           "The cross was {spot2}. {h} dug with both {h.hand}, and {f} helped.")
    st.say("They found a [small|wooden|dusty] box. Their hearts beat fast.",
           "Clunk! There was a [wooden|small|heavy] box in the ground.")
    st.say("{h} opened it. Inside, there was {o.a} and a [letter|note].",
           "In the box was {o.a}, and under it was a [letter|note].")
    st.say("It said, \"[The real treasure is the friend who came with you|Whoever finds this must share it with a friend].\"",
           "\"{x}\" {h} read.".replace("{x}", st.r.choice(["This is for the finder, but please share it,", "The best treasure is a good friend,"])))
    st.par()
    st.say("{h} looked at {f} and smiled. \"Then I have had a treasure all along,\" {h.he} said.",
           "\"We will share {o.the},\" said {h}. \"[Yes|Of course], we will,\" said {f}.")
    ending(st, "They took {o.the} home and showed it to {e.n}.",
           "Then {h} drew a new map and put it {spot}, for the next [child|one] to find.".replace("[child|one]", "one"),
           "The old map still hangs over {h}'s bed.")


def kindness(st):
    """A chain of help: the hero helps the dweller, who helps back."""
    s = st.s
    st.par()
    st.say("One {w} {time}, {h} was [going|walking] {p.to} to meet {f}. {h.He} was in a hurry.",
           "One day, {h} had a [date|plan] with {f} {p.at}. {h} did not want to be late.".replace("[date|plan] with", "plan: to play with"))
    st.say("On the way, {h.he} saw a {dw}. It was [stuck|caught] {spot}. \"Help me, please!\" said the {dw}.",
           "Then {h.he} heard a voice. \"Help!\" It was a {dw}, and it was stuck {spot}.")
    st.say("\"I have no time,\" thought {h}. But then {h.he} [stopped|turned around]. \"[I can't leave you here|Of course I will help you],\" {h.he} said.",
           "{h} did not think twice. \"I will help you,\" {h.he} said.")
    st.say("{h} [pulled and pulled|worked hard|was very careful], and soon the {dw} was free. \"Thank you! [I will not forget this|One day I will help you],\" it said.",
           "With both {h.hand}, {h} [helped|freed] the {dw}. \"You are [kind|so good],\" said the {dw}.")
    st.par()
    st.say("{h} came late. {f} was [already there|waiting]. \"Where were you?\" {f.he} asked. {h} told {f.him} about the {dw}.",
           "Then {h} ran on to {f}. \"You are late!\" said {f}. \"I had to help a {dw},\" said {h}.")
    st.say("They played with {f}'s {o.full}. But it rolled away and was gone." if s["o"].n in ("ball", "drum", "train", "truck", "button") else
           "They played with {f}'s {o.full}. But then they could not find it any more.",
           "But {f} was sad. \"I lost my {o.full},\" {f.he} said.")
    st.say("They looked [everywhere|for a long time], but they could not find it.",
           "\"We will never find it,\" said {f}.")
    st.say("Then the {dw} came. \"Are you looking for this?\" it asked. It had {o.the}!",
           "Just then, the {dw} came by. It had found {o.the} {spot2}!")
    st.par()
    st.say("\"You helped me, and now I help you,\" said the {dw}.",
           "\"Thank you, {dw}!\" said {f}. {h} [laughed|smiled]. \"Now we are even,\" {h.he} said.".replace("Thank you, {dw}!", "Thank you, dear {dw}!"))
    ending(st, "Now the three of them play together {p.at}.",
           "{f} said, \"I am glad that you were late.\"",
           "{h} learned that [kindness comes back|a good deed is never lost].")


PLOTS = [lost, sharing, storm, learning, visit, quarrel, building, birthday, hurt, night,
         planting, newfriend, race, truth, stuck, treasure, kindness]


# Plots in which the friend is introduced by the plot itself.
OWN_FRIEND = (newfriend, quarrel)


def story(rng):
    """One story as text. `rng` is a random.Random."""
    st = Story(rng)
    animal = rng.random() < 0.42
    style = rng.choices(range(len(STYLE_WEIGHTS)), STYLE_WEIGHTS)[0]
    st.hero(animal, style)
    # The trait and the name of the hero make some plots more likely.
    plots = PLOTS if style != 6 else [p for p in PLOTS if p is not newfriend]
    plot = lean(rng, st.s["key"], [p.__name__ for p in plots])
    if rng.random() < 0.6:
        plot = rng.choice(AFFINITY[st.s["trait"]])
    plot = {p.__name__: p for p in plots}.get(plot, lost)
    st.cast(animal, plot is visit)
    opening(st, style)
    if plot not in OWN_FRIEND and style != 6:
        st.maybe(0.3, "{h} had a [good|dear] friend, a {f.kind} named {f}.",
                 "{h.His} best friend was a {f.kind} named {f}.")
    plot(st)
    text = st.text()
    if re.match(r"One |It was ", text):
        # The day has begun already, so the plot goes on with "That day".
        text = re.sub(r"([\n ])One (?:\w+ )?(day|morning|afternoon|night),", r"\1That \2,", text, count=1)
    return text


def stories(seed, count):
    """`count` stories. Each has its own generator, so a prefix is stable."""
    for i in range(count):
        yield story(random.Random(seed * 1_000_003 + i))


DRILLS = [
    "{a} [ran|walked|went] {p.to}.", "{a} was [happy|sad|tired|hungry].", "{a} [laughed|smiled|sat down].",
    "{a} had {o.a}.", "{a} looked at {o.the}.", "{a} liked {o.the}.", "{o.the} was {a}'s.", "{a} saw {b}.",
    "{a} and {b} [laughed|played together].", "{a} was {b}'s friend.", "{b} gave {o.the} to {a}.",
    "{a} was {p.at}.", "\"Hello, {b}!\" said {a}.", "\"I am {a},\" said {a}.", "{a} told {b} about {o.the}.",
    "{a} found {o.the} {spot}.", "They looked {spot}.", "{a} [took|wanted|dropped] {o.the}.", "{a} was a {a.kind}.",
]


def drill(rng):
    """A list of short sentences about one or two characters, one thing and one
    place. It has no plot. It only trains the model to copy names and things."""
    st = Story(rng)
    animal = rng.random() < 0.42
    s = st.s
    while True:
        pair = []
        for _ in range(2):
            female = rng.random() < 0.5
            if animal:
                kind = rng.choice(list(ANIMALS))
                pair.append(Person(rng.choice(ANIMAL_GIRLS if female else ANIMAL_BOYS), female, kind, "", True))
            else:
                pair.append(Person(rng.choice(GIRLS if female else BOYS), female, "girl" if female else "boy"))
        if pair[0].n != pair[1].n:
            break
    noun = rng.choice(list(OBJECTS))
    s["o"] = Thing(noun, rng.choice(COLORS + OBJECTS[noun]))
    s["p"] = Place(rng.choice(PLACES))
    s["spot"] = rng.choice(s["p"].spots)
    alone = rng.random() < 0.4
    for _ in range(rng.randint(6, 14)):
        i = 0 if alone else rng.randrange(2)
        s["a"], s["b"] = pair[i], pair[1 - i]
        st.say(*[t for t in DRILLS if not alone or "{b}" not in t])
        if rng.random() < 0.15:
            st.par()
    return st.text()


def drills(seed, count):
    for i in range(count):
        yield drill(random.Random(seed * 1_000_003 + i + 500_000_000))


def write(path, seed, count):
    with open(path, "w", encoding="utf-8") as f:
        for text in stories(seed, count):
            f.write(text + "\n" + SEPARATOR + "\n")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out", help="folder for train.txt and valid.txt")
    ap.add_argument("--train", type=int, default=120_000, help="number of training stories")
    ap.add_argument("--valid", type=int, default=1_000, help="number of validation stories")
    ap.add_argument("--show", type=int, default=0, help="print this many stories")
    ap.add_argument("--seed", type=int, default=TRAIN_SEED, help="seed for --show and --stats")
    ap.add_argument("--stats", action="store_true", help="print counts over 20,000 stories")
    args = ap.parse_args()
    if args.show:
        for text in stories(args.seed, args.show):
            print(text + "\n" + SEPARATOR)
    if args.stats:
        n = 20_000
        seen, words, lens, once = set(), set(), [], 0
        for text in stories(args.seed, n):
            seen.add(text)
            w = re.findall(r"[A-Za-z'-]+", text)
            words.update(w)
            lens.append(len(w))
            once += text.startswith("Once upon a time")
        lens.sort()
        print(f"stories {n}, distinct {len(seen)}, distinct words {len(words)}")
        print(f"words per story: min {lens[0]}, 5% {lens[n // 20]}, median {lens[n // 2]}, 95% {lens[n - n // 20]}, max {lens[-1]}")
        print(f"'Once upon a time' openings: {100 * once / n:.1f}%")
    if args.out:
        os.makedirs(args.out, exist_ok=True)
        write(os.path.join(args.out, "train.txt"), TRAIN_SEED, args.train)
        write(os.path.join(args.out, "valid.txt"), VALID_SEED, args.valid)
    if not (args.show or args.stats or args.out):
        ap.print_help()


if __name__ == "__main__":
    main()
