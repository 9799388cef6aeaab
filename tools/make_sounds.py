"""Makes the prompts in sounds/ with espeak-ng and sox: 8 kHz, 16 bit, one channel.

They are committed, so this runs only when a prompt is added or changed: ``make sounds``.
"""

from __future__ import annotations

import math
import shutil
import struct
import subprocess
import sys
import tempfile
import wave
from pathlib import Path

RATE = 8000
ROOT = Path(__file__).resolve().parent.parent / "sounds" / "en"
VOICE = ("-v", "en-us", "-s", "150", "-p", "45")

ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
ORDINALS = (
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh"),
    *("twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth"),
)
ORDINAL_TENS = (
    *("twentieth", "thirtieth", "fortieth", "fiftieth", "sixtieth", "seventieth", "eightieth", "ninetieth"),
)
DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
#: The spelling alphabet of the International Telecommunication Union (Radio Regulations, appendix 14).
SPELLING = (
    *("Alfa", "Bravo", "Charlie", "Delta", "Echo", "Foxtrot", "Golf", "Hotel", "India", "Juliett", "Kilo", "Lima"),
    *("Mike", "November", "Oscar", "Papa", "Quebec", "Romeo", "Sierra", "Tango", "Uniform", "Victor", "Whiskey"),
    *("X-ray", "Yankee", "Zulu"),
)
#: Asterisk's names; the texts are this project's.
PROMPTS = {
    "hello-world": "Hello, world.",
    "hello": "Hello.",
    # As long as a call that is watched from its answer on may need.
    "demo-congrats": (
        "Congratulations. Your call reached Obelisk, a telephone exchange that speaks Asterisk's languages. "
        "What you hear is a sound file, played by an extension of the dialplan. When it ends, the call ends as well. "
        "Call again to try the other extensions: there is an echo test, a menu, and a recording of your own voice."
    ),
    "demo-echotest": "What you say now is sent back to you. Press the pound key, or hang up, to end.",
    "demo-echodone": "The echo has ended.",
    "pbx-invalid": "This is not a valid extension.",
    "pbx-invalidpark": "Nobody is parked there.",
    "invalid": "That was not valid. Please try again.",
    "please-try-again": "Please try again.",
    "one-moment-please": "One moment please.",
    "please-enter-your": "Please enter your",
    "enter-ext-of-person": "Please enter the number of the extension you want.",
    "ext-or-zero": "Enter an extension, or zero for the operator.",
    "followed-by-pound": "followed by the pound key.",
    "you-entered": "You entered",
    "thank-you-for-calling": "Thank you for calling.",
    "im-sorry": "I am sorry.",
    "is-curntly-unavail": "is not available now.",
    "is-curntly-busy": "is busy now.",
    "cannot-complete-as-dialed": "This call cannot be completed as dialed.",
    "check-number-dial-again": "Please check the number and dial again.",
    "vm-goodbye": "Goodbye.",
    "vm-intro": "Please leave a message after the tone. When you are done, hang up.",
    "vm-nobodyavail": "Nobody can take your call now.",
    "vm-extension": "Extension",
    "vm-msgsaved": "Your message is saved.",
    "auth-thankyou": "Thank you.",
    "agent-user": "Agent login. Please enter your agent number, followed by the pound key.",
    "demo-instruct": (
        "This exchange shows you what it can do. Dial an extension at any time, or press the pound key to hear a digit "
        "read back, or the star key to begin again."
    ),
    "demo-thanks": "Thank you for trying the demonstration.",
    "demo-nogo": "That part of the demonstration is not there.",
    "tt-monkeys": (
        "A troop of monkeys has found the switching room. They were given bananas and a manual, and they prefer the "
        "bananas. One of them pulls plugs and another one puts them back, always in the wrong place. The eldest has "
        "taken the chair of the operator and answers every call with great dignity. We ask for your patience until "
        "the last banana is gone."
    ),
    "tt-weasels": "We are sorry. Weasels have chewed through the cable to the exchange. Somebody is on the way.",
    "tt-somethingwrong": "Something has gone badly wrong.",
    "digits/star": "star",
    "digits/pound": "pound",
    "digits/hundred": "hundred",
    "digits/thousand": "thousand",
    "digits/million": "million",
    "digits/billion": "billion",
    "digits/minus": "minus",
    "digits/oh": "oh",
    "digits/oclock": "o'clock",
    "digits/a-m": "A M",
    "digits/p-m": "P M",
    "digits/at": "at",
    "digits/today": "today",
    "digits/tomorrow": "tomorrow",
    "digits/yesterday": "yesterday",
    "and": "and",
    "dollars": "dollars",
    "cent": "cent",
    "cents": "cents",
    "lowercase": "lower case",
    "uppercase": "upper case",
    "letters/dollar_": "dollar",
    "letters/space": "space",
    "letters/exclaimation-point": "exclamation point",
    "letters/at": "at",
    "letters/dollar": "dollar",
    "letters/slash": "slash",
    "letters/dash": "dash",
    "letters/plus": "plus",
    "letters/equals": "equals",
    "letters/dot": "dot",
    "letters/zed": "zed",
    **{f"letters/{letter}": f"{letter}." for letter in "abcdefghijklmnopqrstuvwxyz"},
    **{f"digits/{number}": word for number, word in enumerate(ONES)},
    **{f"digits/{(number + 2) * 10}": word for number, word in enumerate(TENS)},
    **{f"digits/h-{number}": word for number, word in enumerate(ORDINALS, 1)},
    **{f"digits/h-{(number + 2) * 10}": word for number, word in enumerate(ORDINAL_TENS)},
    **{f"digits/h-{word}": f"{word}th" for word in ("hundred", "thousand", "million", "billion")},
    **{f"digits/day-{number}": name for number, name in enumerate(DAYS)},
    **{f"digits/mon-{number}": name for number, name in enumerate(MONTHS)},
    **{f"phonetic/{word[0].lower()}_p": word for word in SPELLING},
    "phonetic/9_p": "niner",
}
#: Seconds of silence/N.
SILENCES = range(1, 11)
#: Name: frequency in Hz and length in seconds of each tone.
TONES = {"beep": ((850.0, 0.35),), "beeperr": ((480.0, 0.2), (0.0, 0.05), (360.0, 0.3))}


def speak(text: str, target: Path) -> None:
    """Write ``text`` spoken, silence cut at both ends, as a WAV of telephone quality."""
    with tempfile.TemporaryDirectory() as directory:
        spoken = Path(directory) / "spoken.wav"
        subprocess.run(["espeak-ng", *VOICE, "-w", spoken, text], check=True)
        trim = ["silence", "1", "0.01", "0.5%", "reverse", "silence", "1", "0.01", "0.5%", "reverse"]
        shape = [*trim, "gain", "-n", "-3", "pad", "0.05", "0.1"]
        subprocess.run(
            ["sox", "-D", spoken, "-r", str(RATE), "-c", "1", "-b", "16", "-e", "signed-integer", target, *shape],
            check=True,
        )


def tone(parts: tuple[tuple[float, float], ...], target: Path) -> None:
    """Write tones at -10 dB of full scale, faded in and out over 5 ms."""
    samples: list[int] = []
    fade = RATE // 200
    for frequency, seconds in parts:
        count = int(RATE * seconds)
        for index in range(count):
            edge = min(1.0, index / fade, (count - 1 - index) / fade)
            samples.append(round(10362 * edge * math.sin(2 * math.pi * frequency * index / RATE)))
    with wave.open(str(target), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))


def silence(seconds: int, target: Path) -> None:
    """Write silence as raw mu-law."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(b"\xff" * (RATE * seconds))


def main() -> int:
    missing = [program for program in ("espeak-ng", "sox") if shutil.which(program) is None]
    if missing:
        print(f"install {' and '.join(missing)} first", file=sys.stderr)
        return 1
    for name, text in PROMPTS.items():
        target = ROOT / f"{name}.wav"
        target.parent.mkdir(parents=True, exist_ok=True)
        speak(text, target)
    for name, parts in TONES.items():
        tone(parts, ROOT / f"{name}.wav")
    for seconds in SILENCES:
        silence(seconds, ROOT / "silence" / f"{seconds}.ulaw")
    print(f"{len(PROMPTS) + len(TONES) + len(SILENCES)} sounds in {ROOT}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
