"""The words that the shop is made of: countries, names, cities, telephone numbers, products.

E-mail addresses use the example domains of RFC 2606. Telephone numbers come only from ranges that regulators
set aside for fiction (Britain, United States, Germany, France, Sweden), so no one is ever called.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Country:
    """A country: how much of the shop's custom it has, and its people and places.

    Names are (as written, in plain Latin letters for an e-mail address).
    """

    code: str
    weight: float
    given: tuple[tuple[str, str], ...]
    family: tuple[tuple[str, str], ...]
    cities: tuple[str, ...]
    family_first: bool = False


def _names(text: str) -> tuple[tuple[str, str], ...]:
    """`Jürgen=juergen; Anna` as pairs; a name of plain letters is its own twin."""
    pairs = [entry.strip().partition("=") for entry in text.split(";")]
    return tuple((name, plain or name.lower()) for name, _, plain in pairs)


def _cities(text: str) -> tuple[str, ...]:
    return tuple(city.strip() for city in text.split(","))


COUNTRIES: tuple[Country, ...] = (
    Country(
        "DE",
        20,
        _names("Anna; Jürgen=juergen; Käthe=kaethe; Lukas; Mia; Björn=bjoern; Sophie; Günter=guenter; Jonas; Leyla"),
        _names("Müller=mueller; Schmidt; Weiß=weiss; Groß=gross; Jäger=jaeger; Köhler=koehler; Yılmaz=yilmaz; Wagner"),
        _cities("Berlin, Köln, München, Leipzig, Düsseldorf, Görlitz"),
    ),
    Country(
        "FR",
        12,
        _names("Zoé=zoe; François=francois; Hélène=helene; Théo=theo; Noëlle=noelle; Louis; Inès=ines; Amélie=amelie"),
        _names("Lefèvre=lefevre; Dubois; Moreau; D'Arcy=darcy; Besançon=besancon; Noël=noel; Garnier; Benoît=benoit"),
        _cities("Paris, Lyon, Nîmes, Besançon, Orléans"),
    ),
    Country(
        "ES",
        9,
        _names("Lucía=lucia; Íñigo=inigo; Begoña=begona; Andrés=andres; María José=maria.jose; Xoán=xoan; Núria=nuria"),
        _names("Núñez=nunez; Ibáñez=ibanez; García=garcia; Peña=pena; Ortega; Castaño=castano; Güell=guell"),
        _cities("Madrid, A Coruña, Cádiz, Logroño, Málaga"),
    ),
    Country(
        "GR",
        6,
        _names("Ελένη=eleni; Γιώργος=giorgos; Μαρία=maria; Νίκος=nikos; Χρύσα=chrysa; Ανδρέας=andreas"),
        _names("Παπαδοπούλου=papadopoulou; Οικονόμου=oikonomou; Γεωργίου=georgiou; Νικολάου=nikolaou; Ψαρρά=psarra"),
        _cities("Αθήνα, Θεσσαλονίκη, Πάτρα, Ηράκλειο"),
    ),
    Country(
        "PL",
        9,
        _names("Łukasz=lukasz; Zofia; Błażej=blazej; Małgorzata=malgorzata; Józef=jozef; Agnieszka; Michał=michal"),
        _names("Wójcik=wojcik; Kowalska; Wiśniewski=wisniewski; Dąbrowska=dabrowska; Żak=zak; Grzęda=grzeda; Nowak"),
        _cities("Warszawa, Łódź, Kraków, Gdańsk, Wrocław"),
    ),
    Country(
        "SE",
        8,
        _names("Åsa=asa; Göran=goran; Märta=marta; Östen=osten; Linnéa=linnea; Erik; Saga"),
        _names("Lindström=lindstrom; Åberg=aberg; Sjögren=sjogren; Öberg=oberg; Nyström=nystrom; Ek"),
        _cities("Stockholm, Göteborg, Malmö, Umeå, Västerås"),
    ),
    Country(
        "GB",
        14,
        _names("Siân=sian; Oliver; Zadie; Callum; Priya; Niamh; Arthur; Grace; Owain; Chloë=chloe"),
        _names("O'Connor=oconnor; Smith; Llewellyn; Brontë=bronte; Patel; Mac Donald=macdonald; Taylor-Jones; Begum"),
        _cities("London, Bristol, Leeds, Ynys Môn, St Ives"),
    ),
    Country(
        "US",
        12,
        _names('Robert "Bob"=bob; Renée=renee; Jamal; Emily; José=jose; Mei; Ashley; Dwight'),
        _names("Clark, Jr.=clark; Johnson; Peña=pena; Nguyen; O'Neil=oneil; Washington; Smith"),
        _cities("New York, Boston, Cañon City, Portland, Austin"),
    ),
    Country(
        "JP",
        5,
        _names("花子=hanako; 翔太=shota; さくら=sakura; 健=ken; 陽菜=hina; 蓮=ren"),
        _names("佐藤=sato; 鈴木=suzuki; 高橋=takahashi; 渡辺=watanabe; 小林=kobayashi"),
        _cities("東京, 大阪, 京都, 札幌"),
        family_first=True,
    ),
    Country(
        "UA",
        5,
        _names("Оксана=oksana; Тарас=taras; Олена=olena; Марʼяна=mariana; Софія=sofiia; Андрій=andrii"),
        _names("Шевченко=shevchenko; Ковальчук=kovalchuk; Бойко=boiko; Ґудзь=gudz; Щербак=shcherbak"),
        _cities("Київ, Львів, Одеса, Харків"),
    ),
)

DOMAINS = ("example.org", "example.com", "example.net")

# In the order of the segments in `lakehouse.reference`.
SEGMENT_WEIGHTS = (0.62, 0.30, 0.08)

# The notations of one number, by country: international, compact, with 00, national, national with marks.
_NOTATIONS: tuple[tuple[str, int, int, tuple[str, str, str, str, str]], ...] = (
    ("GB", 900000, 1000, ("+44 7700 ", "+447700", "0044 7700 ", "07700 ", "(07700) ")),
    ("US", 5550100, 100, ("+1 212 ", "+1212", "001 212 ", "212 ", "(212) ")),
    ("DE", 23125000, 1000, ("+49 30 ", "+4930", "0049 30 ", "030 ", "030/")),
    ("FR", 99000000, 1000, ("+33 1 ", "+331", "0033 1 ", "01 ", "01.")),
    ("SE", 46500400, 100, ("+46 8 ", "+468", "0046 8 ", "08 ", "08-")),
)
STYLES = 5
INTERNATIONAL_STYLES = 3
PHONE_COUNTRIES = tuple(country for country, *_ in _NOTATIONS)
PHONE_RANGE = 100
PHONES = tuple(
    f"{prefix}{first + number}"
    for _, first, _, prefixes in _NOTATIONS
    for prefix in prefixes
    for number in range(PHONE_RANGE)
)
INVALID_PHONES = ("n/a", "12345", "+49 30", "ask me", "0000000000")

# By category: a middling price in euros, and what it has.
GOODS: dict[str, tuple[int, tuple[str, ...]]] = {
    "kitchen": (24, ("kettle", "pan", "teapot", "bread knife", "mortar")),
    "garden": (31, ("trowel", "watering can", "planter", "hammock", "bird table")),
    "office": (18, ("desk lamp", "notebook", "stapler", "chair mat", "pen set")),
    "outdoor": (58, ("tent", "lantern", "rucksack", "camp stove", "blanket")),
    "books": (16, ("atlas", "cookbook", "novel", "dictionary", "field guide")),
    "toys": (21, ("kite", "wooden train", "puzzle", "marble run", "puppet")),
    "clothing": (39, ("scarf", "raincoat", "jumper", "pair of gloves", "hat")),
    "electronics": (95, ("radio", "torch", "headphones", "charger", "clock")),
}
ADJECTIVES = (
    "blue",
    "oak",
    "linen",
    "folding",
    "small",
    "large",
    "crème",
    "enamel",
    "café",
    "brass",
    "red",
    "recycled",
)

COUPONS = ("WINTER10", "WELCOME5", "FREESHIP")
NUMBER_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
