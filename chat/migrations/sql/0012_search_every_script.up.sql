-- Words of a text in any script, for the stored column and for what people look for alike.
--
-- Neither the server's locale nor its version changes a word: letters are folded by the tables below
-- and not by lower() of a locale, patterns are of ranges of code points, and normalize() is never
-- given a character whose normal form is newer than PostgreSQL 15. So the functions are IMMUTABLE in
-- earnest. chat/rules/search_words.py has the same rule with offsets; a test compares the two on
-- every code point.

-- Characters by what they are to a search: ranges for a bracket expression; "upper" and "lower" are
-- one table, letter by letter.
CREATE FUNCTION public.search_characters(kind text) RETURNS text
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
RETURN
    CASE kind
        -- Their normal form or case came after Unicode 14, which is that of PostgreSQL 15: left out.
        WHEN 'later' THEN
            '\u0897\u1c89-\u1c8a\ua7cb-\ua7cd\ua7da-\ua7dc\U000105c9\U000105e4\U00010d50-\U00010d85'
            '\U00010efd-\U00010eff\U00011383\U00011385\U0001138e\U00011391\U000113b8\U000113bb'
            '\U000113c2\U000113c5\U000113c7-\U000113c9\U000113ce-\U000113d0\U00011f41-\U00011f42'
            '\U0001611e-\U0001612f\U00016d67-\U00016d6a\U0001ccd6-\U0001ccf9\U0001e030-\U0001e08f'
            '\U0001e4ec-\U0001e4ef\U0001e5ee-\U0001e5ef'
        -- Left out of words: accents, vowel points, joiners, and code points that are no characters,
        -- of which search_words() takes two as marks of its own.
        WHEN 'mark' THEN
            '\u00ad\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1-\u05c2\u05c4-\u05c5\u05c7'
            '\u0610-\u061a\u061c\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7-\u06e8'
            '\u06ea-\u06ed\u180b-\u180f\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f\u202a-\u202e'
            '\u2060-\u206f\u20d0-\u20ff\ufdd0-\ufdef\ufe00-\ufe0f\ufe20-\ufe2f\ufeff'
            '\U000e0000-\U000e0fff'
        -- Letters of scripts without spaces: Han, Kana, Hangul, Thai, Lao, Khmer, Myanmar, Tangut.
        WHEN 'pair' THEN
            '\u0e01-\u0e3a\u0e40-\u0e4e\u0e80-\u0ece\u0edc-\u0edf\u1000-\u103f\u1050-\u109d'
            '\u1100-\u11ff\u1780-\u17d3\u17d7\u17dc-\u17dd\u2e80-\u2fd5\u3005-\u3007\u3021-\u302f'
            '\u3031-\u3035\u3038-\u303c\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u318e'
            '\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\ua9e0-\ua9fe'
            '\uaa60-\uaa76\uaa7a-\uaa7f\uac00-\ud7ff\uf900-\ufaff\U00016fe0-\U00018dff'
            '\U0001aff0-\U0001b2ff\U00020000-\U0003fffd'
        -- Each is a word: emoji, arrows, signs of currencies.
        WHEN 'symbol' THEN
            '\u00a2-\u00a6\u00a9\u00ac-\u00b1\u00d7\u00f7\u03f6\u0482\u058d-\u058f\u0606-\u0608\u060b'
            '\u060e-\u060f\u06de\u06e9\u06fd-\u06fe\u07f6\u07fe-\u07ff\u09f2-\u09f3\u09fa-\u09fb'
            '\u0af1\u0b70\u0bf3-\u0bfa\u0c7f\u0d4f\u0d79\u0e3f\u0f01-\u0f03\u0f13\u0f15-\u0f17'
            '\u0f1a-\u0f1f\u0f34\u0f36\u0f38\u0fbe-\u0fc5\u0fc7-\u0fcf\u0fd5-\u0fd8\u109e-\u109f'
            '\u1390-\u1399\u17db\u1940\u19de-\u19ff\u1b61-\u1b6a\u1b74-\u1b7c\u20a0-\u20cf'
            '\u2100-\u2131\u2133-\u214d\u214f\u218a-\u2bff\u2ce5-\u2cea\u2ff0-\u2ffb\u3004'
            '\u3012-\u3013\u3020\u3037\u303e-\u303f\u3190-\u3191\u31c0-\u31e3\u327f\u4dc0-\u4dff'
            '\ua490-\ua4c6\ua828-\ua82b\ua836-\ua839\uaa77-\uaa79\ufd40-\ufd4f\ufdf0-\ufdff'
            '\ufffc-\ufffd\U0001cf50-\U0001d245\U0001d300-\U0001d356\U0001d800-\U0001da8b'
            '\U0001f000-\U0001fbca'
        -- Between words.
        WHEN 'separator' THEN
            '\u0001-\u002f\u003a-\u0060\u007b-\u007f'
            '\u0080-\u00a1\u00a7\u00ab\u00b6-\u00bf\u02c2-\u02c5\u02d2-\u02eb\u02ed\u02ef-\u02ff'
            '\u0375\u055a-\u055f\u0589-\u058a\u05be-\u05c6\u05f3-\u0605\u0609-\u060a\u060c-\u060d'
            '\u061b-\u061f\u066a-\u066d\u06d4\u06dd\u0700-\u070f\u07f7-\u07f9\u0830-\u083e\u085e'
            '\u0888-\u0891\u08e2\u0964-\u0965\u0970\u09fd\u0a76\u0af0\u0c77\u0c84\u0df4\u0e4f'
            '\u0e5a-\u0e5b\u0f04-\u0f12\u0f14\u0f3a-\u0f3d\u0f85\u0fd0-\u0fd4\u0fd9-\u0fda'
            '\u104a-\u104f\u10fb\u1360-\u1368\u1400\u166d-\u166e\u1680\u169b-\u169c\u16eb-\u16ed'
            '\u1735-\u1736\u17d4-\u17d6\u17d8-\u17da\u1800-\u180a\u1944-\u1945\u1a1e-\u1a1f'
            '\u1aa0-\u1aa6\u1aa8-\u1aad\u1b5a-\u1b60\u1b7d-\u1b7e\u1bfc-\u1bff\u1c3b-\u1c3f'
            '\u1c7e-\u1c7f\u1cc0-\u1cc7\u1cd3\u2010-\u205f\u2cf9-\u2cfc\u2cfe-\u2cff\u2d70'
            '\u2e00-\u2e2e\u2e30-\u2e7f\u3001-\u3003\u3008-\u3011\u3014-\u301f\u3030\u303d\u30a0'
            '\u30fb\ua4fe-\ua4ff\ua60d-\ua60f\ua673\ua67e\ua6f2-\ua716\ua720-\ua721\ua789-\ua78a'
            '\ua874-\ua877\ua8ce-\ua8cf\ua8f8-\ua8fa\ua8fc\ua92e-\ua92f\ua95f\ua9c1-\ua9cd'
            '\ua9de-\ua9df\uaa5c-\uaa5f\uaade-\uaadf\uaaf0-\uaaf1\uab5b\uab6a-\uab6b\uabeb'
            '\ufbb2-\ufd3f\ufe45-\ufe46\ufff9-\ufffb\U00010100-\U00010102\U00011140-\U00011143'
            '\U0001e95e-\U0001e95f'
        WHEN 'upper' THEN
            'ЂЄЅІЈЉЊЋЏАБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩςÆÐØÞðøĐđĦħıŁłŊŒ'
            'ŦƁƂƄƆƇƉƊƋƎƏƐƑƓƔƖƗƘƜƝƟƢƤƦƧƩƬƮƱƲƳƵƷƸƼǤǶǷȜȠȢȤȺȻȽȾɁɃɄɅɆɈɊɌɎͰͲͶͿϏϘϚϜϞϠϢϤϦϨϪϬϮϷϺϽϾϿѠѢѤ'
            'ѦѨѪѬѮѰѲѴѸѺѼѾҀҊҌҎҐҒҔҖҘҚҜҞҠҢҤҦҨҪҬҮҰҲҴҶҸҺҼҾӀӃӅӇӉӋӍӔӘӠӨӶӺӼӾԀԂԄԆԈԊԌԎԐԒԔԖԘԚԜԞԠԢԤԦԨԪԬԮԱ'
            'ԲԳԴԵԶԷԸԹԺԻԼԽԾԿՀՁՂՃՄՅՆՇՈՉՊՋՌՍՎՏՐՑՒՓՔՕՖႠႡႢႣႤႥႦႧႨႩႪႫႬႭႮႯႰႱႲႳႴႵႶႷႸႹႺႻႼႽႾႿჀჁჂჃჄჅჇჍᏸᏹᏺ'
            'ᏻᏼᏽᲀᲁᲂᲃᲄᲅᲆᲇᲈᲐᲑᲒᲓᲔᲕᲖᲗᲘᲙᲚᲛᲜᲝᲞᲟᲠᲡᲢᲣᲤᲥᲦᲧᲨᲩᲪᲫᲬᲭᲮᲯᲰᲱᲲᲳᲴᲵᲶᲷᲸᲹᲺᲽᲾᲿỺỼỾℲↃⰀⰁⰂⰃⰄⰅⰆⰇⰈⰉⰊⰋⰌⰍⰎⰏⰐ'
            'ⰑⰒⰓⰔⰕⰖⰗⰘⰙⰚⰛⰜⰝⰞⰟⰠⰡⰢⰣⰤⰥⰦⰧⰨⰩⰪⰫⰬⰭⰮⰯⱠⱢⱣⱤⱧⱩⱫⱭⱮⱯⱰⱲⱵⱾⱿⲀⲂⲄⲆⲈⲊⲌⲎⲐⲒⲔⲖⲘⲚⲜⲞⲠⲢⲤⲦⲨⲪⲬⲮⲰⲲⲴⲶⲸⲺⲼⲾⳀⳂ'
            'ⳄⳆⳈⳊⳌⳎⳐⳒⳔⳖⳘⳚⳜⳞⳠⳢⳫⳭⳲꙀꙂꙄꙆꙈꙊꙌꙎꙐꙒꙔꙖꙘꙚꙜꙞꙠꙢꙤꙦꙨꙪꙬꚀꚂꚄꚆꚈꚊꚌꚎꚐꚒꚔꚖꚘꚚꜢꜤꜦꜨꜪꜬꜮꜲꜴꜶꜸꜺꜼꜾꝀꝂꝄꝆꝈꝊꝌꝎꝐꝒ'
            'ꝔꝖꝘꝚꝜꝞꝠꝢꝤꝦꝨꝪꝬꝮꝹꝻꝽꝾꞀꞂꞄꞆꞋꞍꞐꞒꞖꞘꞚꞜꞞꞠꞢꞤꞦꞨꞪꞫꞬꞭꞮꞰꞱꞲꞳꞴꞶꞸꞺꞼꞾꟀꟂꟄꟅꟆꟇꟉꟐꟖꟘꟵꭰꭱꭲꭳꭴꭵꭶꭷꭸꭹꭺꭻꭼꭽꭾꭿꮀꮁ'
            'ꮂꮃꮄꮅꮆꮇꮈꮉꮊꮋꮌꮍꮎꮏꮐꮑꮒꮓꮔꮕꮖꮗꮘꮙꮚꮛꮜꮝꮞꮟꮠꮡꮢꮣꮤꮥꮦꮧꮨꮩꮪꮫꮬꮭꮮꮯꮰꮱꮲꮳꮴꮵꮶꮷꮸꮹꮺꮻꮼꮽꮾꮿ𐐀𐐁𐐂𐐃𐐄𐐅𐐆𐐇𐐈𐐉𐐊𐐋𐐌𐐍𐐎𐐏𐐐𐐑'
            '𐐒𐐓𐐔𐐕𐐖𐐗𐐘𐐙𐐚𐐛𐐜𐐝𐐞𐐟𐐠𐐡𐐢𐐣𐐤𐐥𐐦𐐧𐒰𐒱𐒲𐒳𐒴𐒵𐒶𐒷𐒸𐒹𐒺𐒻𐒼𐒽𐒾𐒿𐓀𐓁𐓂𐓃𐓄𐓅𐓆𐓇𐓈𐓉𐓊𐓋𐓌𐓍𐓎𐓏𐓐𐓑𐓒𐓓𐕰𐕱𐕲𐕳𐕴𐕵𐕶𐕷𐕸𐕹𐕺𐕼𐕽𐕾𐕿𐖀𐖁𐖂𐖃𐖄𐖅𐖆'
            '𐖇𐖈𐖉𐖊𐖌𐖍𐖎𐖏𐖐𐖑𐖒𐖔𐖕𐲀𐲁𐲂𐲃𐲄𐲅𐲆𐲇𐲈𐲉𐲊𐲋𐲌𐲍𐲎𐲏𐲐𐲑𐲒𐲓𐲔𐲕𐲖𐲗𐲘𐲙𐲚𐲛𐲜𐲝𐲞𐲟𐲠𐲡𐲢𐲣𐲤𐲥𐲦𐲧𐲨𐲩𐲪𐲫𐲬𐲭𐲮𐲯𐲰𐲱𐲲𑢠𑢡𑢢𑢣𑢤𑢥𑢦𑢧𑢨𑢩𑢪𑢫𑢬𑢭𑢮𑢯'
            '𑢰𑢱𑢲𑢳𑢴𑢵𑢶𑢷𑢸𑢹𑢺𑢻𑢼𑢽𑢾𑢿𖹀𖹁𖹂𖹃𖹄𖹅𖹆𖹇𖹈𖹉𖹊𖹋𖹌𖹍𖹎𖹏𖹐𖹑𖹒𖹓𖹔𖹕𖹖𖹗𖹘𖹙𖹚𖹛𖹜𖹝𖹞𖹟𞤀𞤁𞤂𞤃𞤄𞤅𞤆𞤇𞤈𞤉𞤊𞤋𞤌𞤍𞤎𞤏𞤐𞤑𞤒𞤓𞤔𞤕𞤖𞤗𞤘𞤙𞤚𞤛𞤜𞤝𞤞𞤟'
            '𞤠𞤡ẞ'
        WHEN 'lower' THEN
            'ђєѕіјљњћџабвгдежзиклмнопрстуфхцчшщъыьэюяαβγδεζηθικλμνξοπρστυφχψωσædoþdoddhhillŋœ'
            'ŧɓƃƅɔƈɖɗƌǝəɛƒɠɣɩɨƙɯɲɵƣƥʀƨʃƭʈʊʋƴƶʒƹƽǥƕƿȝƞȣȥⱥȼƚⱦɂƀʉʌɇɉɋɍɏͱͳͷϳϗϙϛϝϟϡϣϥϧϩϫϭϯϸϻͻͼͽѡѣѥ'
            'ѧѩѫѭѯѱѳѵѹѻѽѿҁҋҍҏґғҕҗҙқҝҟҡңҥҧҩҫҭүұҳҵҷҹһҽҿӏӄӆӈӊӌӎӕәӡөӷӻӽӿԁԃԅԇԉԋԍԏԑԓԕԗԙԛԝԟԡԣԥԧԩԫԭԯա'
            'բգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆⴀⴁⴂⴃⴄⴅⴆⴇⴈⴉⴊⴋⴌⴍⴎⴏⴐⴑⴒⴓⴔⴕⴖⴗⴘⴙⴚⴛⴜⴝⴞⴟⴠⴡⴢⴣⴤⴥⴧⴭᏰᏱᏲ'
            'ᏳᏴᏵвдосттъѣꙋაბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰჱჲჳჴჵჶჷჸჹჺჽჾჿỻỽỿⅎↄⰰⰱⰲⰳⰴⰵⰶⰷⰸⰹⰺⰻⰼⰽⰾⰿⱀ'
            'ⱁⱂⱃⱄⱅⱆⱇⱈⱉⱊⱋⱌⱍⱎⱏⱐⱑⱒⱓⱔⱕⱖⱗⱘⱙⱚⱛⱜⱝⱞⱟⱡɫᵽɽⱨⱪⱬɑɱɐɒⱳⱶȿɀⲁⲃⲅⲇⲉⲋⲍⲏⲑⲓⲕⲗⲙⲛⲝⲟⲡⲣⲥⲧⲩⲫⲭⲯⲱⲳⲵⲷⲹⲻⲽⲿⳁⳃ'
            'ⳅⳇⳉⳋⳍⳏⳑⳓⳕⳗⳙⳛⳝⳟⳡⳣⳬⳮⳳꙁꙃꙅꙇꙉꙋꙍꙏꙑꙓꙕꙗꙙꙛꙝꙟꙡꙣꙥꙧꙩꙫꙭꚁꚃꚅꚇꚉꚋꚍꚏꚑꚓꚕꚗꚙꚛꜣꜥꜧꜩꜫꜭꜯꜳꜵꜷꜹꜻꜽꜿꝁꝃꝅꝇꝉꝋꝍꝏꝑꝓ'
            'ꝕꝗꝙꝛꝝꝟꝡꝣꝥꝧꝩꝫꝭꝯꝺꝼᵹꝿꞁꞃꞅꞇꞌɥꞑꞓꞗꞙꞛꞝꞟꞡꞣꞥꞧꞩɦɜɡɬɪʞʇʝꭓꞵꞷꞹꞻꞽꞿꟁꟃꞔʂᶎꟈꟊꟑꟗꟙꟶᎠᎡᎢᎣᎤᎥᎦᎧᎨᎩᎪᎫᎬᎭᎮᎯᎰᎱ'
            'ᎲᎳᎴᎵᎶᎷᎸᎹᎺᎻᎼᎽᎾᎿᏀᏁᏂᏃᏄᏅᏆᏇᏈᏉᏊᏋᏌᏍᏎᏏᏐᏑᏒᏓᏔᏕᏖᏗᏘᏙᏚᏛᏜᏝᏞᏟᏠᏡᏢᏣᏤᏥᏦᏧᏨᏩᏪᏫᏬᏭᏮᏯ𐐨𐐩𐐪𐐫𐐬𐐭𐐮𐐯𐐰𐐱𐐲𐐳𐐴𐐵𐐶𐐷𐐸𐐹'
            '𐐺𐐻𐐼𐐽𐐾𐐿𐑀𐑁𐑂𐑃𐑄𐑅𐑆𐑇𐑈𐑉𐑊𐑋𐑌𐑍𐑎𐑏𐓘𐓙𐓚𐓛𐓜𐓝𐓞𐓟𐓠𐓡𐓢𐓣𐓤𐓥𐓦𐓧𐓨𐓩𐓪𐓫𐓬𐓭𐓮𐓯𐓰𐓱𐓲𐓳𐓴𐓵𐓶𐓷𐓸𐓹𐓺𐓻𐖗𐖘𐖙𐖚𐖛𐖜𐖝𐖞𐖟𐖠𐖡𐖣𐖤𐖥𐖦𐖧𐖨𐖩𐖪𐖫𐖬𐖭'
            '𐖮𐖯𐖰𐖱𐖳𐖴𐖵𐖶𐖷𐖸𐖹𐖻𐖼𐳀𐳁𐳂𐳃𐳄𐳅𐳆𐳇𐳈𐳉𐳊𐳋𐳌𐳍𐳎𐳏𐳐𐳑𐳒𐳓𐳔𐳕𐳖𐳗𐳘𐳙𐳚𐳛𐳜𐳝𐳞𐳟𐳠𐳡𐳢𐳣𐳤𐳥𐳦𐳧𐳨𐳩𐳪𐳫𐳬𐳭𐳮𐳯𐳰𐳱𐳲𑣀𑣁𑣂𑣃𑣄𑣅𑣆𑣇𑣈𑣉𑣊𑣋𑣌𑣍𑣎𑣏'
            '𑣐𑣑𑣒𑣓𑣔𑣕𑣖𑣗𑣘𑣙𑣚𑣛𑣜𑣝𑣞𑣟𖹠𖹡𖹢𖹣𖹤𖹥𖹦𖹧𖹨𖹩𖹪𖹫𖹬𖹭𖹮𖹯𖹰𖹱𖹲𖹳𖹴𖹵𖹶𖹷𖹸𖹹𖹺𖹻𖹼𖹽𖹾𖹿𞤢𞤣𞤤𞤥𞤦𞤧𞤨𞤩𞤪𞤫𞤬𞤭𞤮𞤯𞤰𞤱𞤲𞤳𞤴𞤵𞤶𞤷𞤸𞤹𞤺𞤻𞤼𞤽𞤾𞤿𞥀𞥁'
            '𞥂𞥃ß'
    END;

-- The text in compatibility normal form, without case and marks; all that separates words stays.
CREATE FUNCTION public.search_fold(content text) RETURNS text
LANGUAGE plpgsql
IMMUTABLE
STRICT
PARALLEL SAFE
SET search_path = ''
AS $function$
DECLARE
    folded text COLLATE "C" := content;
    letter text COLLATE "C";
BEGIN
    IF folded ~ ('[' || public.search_characters('later') || ']') THEN
        folded := regexp_replace(folded, '[' || public.search_characters('later') || ']', '', 'g');
    END IF;
    folded := regexp_replace(
        normalize(folded, NFKD), '[' || public.search_characters('mark') || ']+', '', 'g'
    );
    folded := lower(folded);
    -- Letter by letter, for few of a text are upper-case: translate() of the whole text takes 25 µs
    -- for 80 characters and one alphabet, this 2 µs for each letter.
    LOOP
        letter := substring(folded, '[' || public.search_characters('upper') || ']');
        EXIT WHEN letter IS NULL;
        folded := replace(
            folded,
            letter,
            translate(
                letter, public.search_characters('upper'), public.search_characters('lower')
            )
        );
    END LOOP;
    IF folded ~ '[ßæœþ]' THEN
        folded := replace(replace(folded, 'ß', 'ss'), 'æ', 'ae');
        folded := replace(replace(folded, 'œ', 'oe'), 'þ', 'th');
    END IF;
    RETURN normalize(folded, NFC);
END
$function$;

-- The words of a text, in their order. Scripts without spaces become overlapping pairs: 図書館 is
-- 図書, 書館 and 館. A word right behind a minus that begins it keeps the minus: rm -rf is rm and -rf.
CREATE FUNCTION public.search_words(content text) RETURNS text[]
LANGUAGE plpgsql
IMMUTABLE
STRICT
PARALLEL SAFE
SET search_path = ''
AS $function$
DECLARE
    folded text COLLATE "C" := public.search_fold(content);
    words text[];
    word text;
    parts text[] := '{}';
    has_pairs boolean;
BEGIN
    IF folded ~ '(^|[\u0009-\u000d ])-[^\u0001-\u0020-]' THEN
        folded := regexp_replace(
            folded,
            '(^|[\u0009-\u000d ])-(?=[^'
            || public.search_characters('separator')
            || public.search_characters('symbol')
            || public.search_characters('pair') || '])',
            E'\\1\uFDD0',
            'g'
        );
    END IF;
    IF folded ~ ('[' || public.search_characters('symbol') || ']') THEN
        folded := regexp_replace(
            folded, '([' || public.search_characters('symbol') || '])', ' \1 ', 'g'
        );
    END IF;
    has_pairs := folded ~ ('[' || public.search_characters('pair') || ']');
    IF has_pairs THEN
        folded := regexp_replace(
            folded, '([' || public.search_characters('pair') || ']+)', E' \uFDD1\\1 ', 'g'
        );
    END IF;
    folded := regexp_replace(
        folded, '[' || public.search_characters('separator') || ']+', ' ', 'g'
    );
    words := string_to_array(btrim(replace(folded, U&'\FDD0', '-'), ' '), ' ');
    IF NOT has_pairs THEN
        RETURN words;
    END IF;
    -- A loop takes a fifth of the time of a query.
    FOREACH word IN ARRAY words LOOP
        IF word LIKE U&'\FDD1%' THEN
            FOR at IN 2..length(word) LOOP
                parts := parts || substr(word, at, 2);
            END LOOP;
        ELSE
            parts := parts || word;
        END IF;
    END LOOP;
    RETURN parts;
END
$function$;

-- The words with their places, in the shape of to_tsvector() but without its parser, which splits by
-- the locale. A lexeme has at most 2,046 bytes, so of a longer word 500 characters are kept. What
-- stands right behind a minus is there with it and without it.
CREATE FUNCTION public.search_vector_of_words(words text[]) RETURNS tsvector
LANGUAGE plpgsql
IMMUTABLE
STRICT
PARALLEL SAFE
SET search_path = ''
AS $function$
BEGIN
    RETURN (
        SELECT
            string_agg(
                CASE
                    WHEN word LIKE '-%' THEN
                        '''' || substr(word, 2, 500) || ''':' || place
                        || ' ''' || left(word, 501) || ''':' || place
                    ELSE '''' || left(word, 500) || ''':' || place
                END,
                ' '
            )
        FROM unnest(words) WITH ORDINALITY AS found (word, place)
    )::tsvector;
END
$function$;

-- What is stored of a message. A text whose letters are ASCII, with common punctuation, takes a short
-- way, by the parser, in a third of the time: it knows one kind of letters there in every locale, and
-- splits nothing but 1e5abc. What is so long that a word could be too long for the parser takes the
-- other way.
CREATE FUNCTION public.search_vector(content text) RETURNS tsvector
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
RETURN
    CASE
        WHEN
            octet_length(content) <= 2046
            AND content !~ (
                '[^\u0001-\u007f¡«·»¿\u2010-\u2027\u3001-\u3003]'
                '|[0-9][eE][0-9]|(^|[\u0009-\u000d ])-[A-Za-z0-9]'
            ) COLLATE "C"
            THEN
                to_tsvector(
                    'pg_catalog.simple',
                    regexp_replace(
                        lower(content COLLATE "C"), '[^a-z0-9]+' COLLATE "C", ' ', 'g'
                    )
                )
        ELSE coalesce(public.search_vector_of_words(public.search_words(content)), '')
    END;

-- What people type into a search box: all of the words; "words in quotes" stand together, in double
-- quotes of any kind; -word excludes; or is a choice. What has parts (a file's name, an address, a
-- number) is looked for as its parts side by side. The last word stands for all that begin with it
-- when it has four letters, unless that is not wanted: in the index it costs all words with that
-- beginning, of all servers. A minus excludes where it begins a word or a phrase, before a letter or a
-- digit, beside something that is looked for; a message that has the word with its minus, as in
-- rm -rf, is not excluded. NULL when there is nothing to look for.
CREATE FUNCTION public.search_query(query text, finds_beginnings boolean DEFAULT true)
RETURNS tsquery
LANGUAGE plpgsql
IMMUTABLE
STRICT
PARALLEL SAFE
SET search_path = ''
AS $function$
DECLARE
    of_pairs CONSTANT text := '^[' || public.search_characters('pair') || ']';
    term record;
    words text[];
    size integer;
    phrase text;
    is_excluded boolean;
    -- Whether the last term may be the beginning of a word.
    is_beginning boolean := false;
    -- Of the choice that is read: what is looked for, what is excluded, and the same as text.
    wanted text[] := '{}';
    excluded text[] := '{}';
    spared text[] := '{}';
    choices text[] := '{}';
BEGIN
    FOR term IN
        SELECT part[1] || coalesce(part[2], '') AS quoted, part[3] AS word, false AS is_end
        FROM regexp_matches(
            translate(public.search_fold(query), '“”„‟', '""""') COLLATE "C",
            '(-?")([^"]*)(?:"|$)|((?!-?")[^\u0009-\u000d ]+)',
            'g'
        ) AS part
        UNION ALL
        SELECT NULL, 'or', true
    LOOP
        IF term.word = 'or' AND cardinality(wanted || excluded) > 0 THEN
            IF term.is_end AND is_beginning THEN
                wanted[cardinality(wanted)] := wanted[cardinality(wanted)] || ':*';
            END IF;
            choices := choices || array_to_string(
                CASE WHEN wanted = '{}' THEN spared ELSE wanted || excluded END, ' & '
            );
            wanted := '{}';
            excluded := '{}';
            spared := '{}';
            CONTINUE;
        END IF;
        -- A last "or" has nothing behind it, and is a word.
        IF term.is_end THEN
            IF choices <> '{}' THEN
                choices[cardinality(choices)] := choices[cardinality(choices)] || ' & ''or''';
            END IF;
            EXIT;
        END IF;

        words := public.search_words(coalesce(term.quoted, term.word));
        CONTINUE WHEN words = '{}';
        size := cardinality(words);
        -- The last letter of a run of pairs is in the pair before it, and need not end the run.
        IF words[size - 1] ~ (of_pairs || '.') AND right(words[size - 1], 1) = words[size] THEN
            size := size - 1;
        END IF;
        phrase := '''' || array_to_string(words[:size], ''' <-> ''') || '''';
        IF words[size] ~ (of_pairs || '$') THEN
            phrase := phrase || ':*';
        END IF;
        is_excluded := coalesce(term.quoted, term.word) ~ '^-' AND (
            term.quoted IS NOT NULL OR phrase LIKE '''-%' OR substr(term.word, 2) ~ of_pairs
        );
        -- What is written with its minus is there with and without it.
        IF is_excluded AND phrase LIKE '''-%' THEN
            spared := spared || overlay(phrase PLACING '' FROM 2 FOR 1);
            excluded := excluded || format('(!(%s) | %s)', spared[cardinality(spared)], phrase);
        ELSIF is_excluded THEN
            spared := spared || phrase;
            excluded := excluded || format('!(%s)', phrase);
        ELSE
            wanted := wanted || phrase;
        END IF;
        is_beginning := finds_beginnings AND NOT is_excluded AND term.quoted IS NULL
            AND length(words[size]) >= 4;
    END LOOP;
    RETURN nullif(array_to_string(choices, ' | '), '')::tsquery;
END
$function$;

-- The column keeps its values and its index, and is written by a trigger from now on: the expression of
-- a generated column cannot be changed without writing every row anew. Whatever a client writes into
-- it is replaced.
ALTER TABLE public.messages ALTER COLUMN search DROP EXPRESSION;
ALTER TABLE public.messages ALTER COLUMN search SET DEFAULT '';
COMMENT ON COLUMN public.messages.search IS 'The words of the content, made by search_vector().';

CREATE FUNCTION public.set_search() RETURNS trigger
LANGUAGE plpgsql
AS $function$
BEGIN
    NEW.search := public.search_vector(NEW.content);
    RETURN NEW;
END
$function$;

CREATE TRIGGER messages_search
    BEFORE INSERT OR UPDATE OF content, search ON public.messages
    FOR EACH ROW
    EXECUTE FUNCTION public.set_search();

-- Also where the other triggers rest, for a generated column never does.
ALTER TABLE public.messages ENABLE ALWAYS TRIGGER messages_search;

-- A plan for any space takes the average one for what it reads, and the average is small, for there are
-- many conversations: it would rather read the whole of a space, which may be the largest, than the
-- index of words while a hundred pages of it wait to be merged. As if there were a hundred spaces.
ALTER TABLE public.messages ALTER COLUMN space_id SET (n_distinct = 100);

-- A row whose words alone are made anew has not changed to anybody.
DROP TRIGGER messages_updated_at ON public.messages;
CREATE TRIGGER messages_updated_at
    BEFORE UPDATE ON public.messages
    FOR EACH ROW
    WHEN (OLD.search IS NOT DISTINCT FROM NEW.search OR OLD.content <> NEW.content)
    EXECUTE FUNCTION public.set_updated_at();
