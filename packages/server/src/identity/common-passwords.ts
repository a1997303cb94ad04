/**
 * The most common words in lists of leaked passwords, in lower case. Attackers also try variants with added or
 * substituted digits and symbols first.
 */

export const commonPasswords: ReadonlySet<string> = new Set(
  `password passwort passw0rd pass passphrase motdepasse contraseña contrasena senha parola wachtwoord hasło haslo
  admin administrator adminadmin root rootroot superuser user username guest test testtest tester testing demo
  login welcome welcomeback letmein letmeinplease letmeinnow openup opensesame changeme changemenow changeit
  secret topsecret mysecret default temp temporary temppassword newpassword oldpassword mypassword
  thepassword yourpassword passwordpassword passpass password password1 passwordone passwordtwo iloveyou
  iloveyousomuch iloveyouforever loveyou lovelove mylove ihateyou ihatepasswords fuckyou fuckoff whatever nothing
  qwerty qwertyuiop qwertyqwerty qwertyasdf qwertz qwertzuiop azerty azertyuiop asdf asdfasdf asdfgh asdfghjkl
  asdfjkl zxcvbn zxcvbnm qazwsx qazwsxedc wsxedc poiuytrewq mnbvcxz abc abcabc abcdef abcdefg
  abcdefgh abcdefghi abcdefghij abcd aabbcc monkey dragon master masterkey shadow sunshine princess
  football futbol fussball baseball basketball hockey soccer superman batman spiderman ironman pokemon pikachu
  starwars trustno trustnoone michael jennifer jessica jordan ashley daniel thomas charlie robert andrew matthew
  joshua anthony william nicole michelle amanda samantha killer hunter ranger buster soccer harley tigger summer
  winter spring autumn january february march april may june july august september october november december
  monday tuesday wednesday thursday friday saturday sunday computer internet samsung google facebook
  microsoft windows apple iphone android linkedin twitter instagram youtube netflix amazon yahoo hotmail gmail
  corvette mustang mercedes ferrari porsche liverpool chelsea arsenal barcelona realmadrid manchester
  freedom hello helloworld hellohello hallo halloo bonjour hola ciao cheese chocolate cookie banana orange
  flower flowers butterfly purple yellow silver golden diamond maggie pepper ginger snoopy jesus jesuschrist
  godisgood blessed angel angels lucky love forever family company office business server database backup
  security access account correcthorsebatterystaple tessera tesseratessera oauth openid
  mother father brother sister mutter vater schatz schatzi hase hallohallo passwortpasswort geheim
  secreto teamo teamomucho amor estrella princesa jetaime soleil doudou marseille woaini woaini
  nihao sayonara sakura pass word ninja merlin matrix phoenix knight eagles lakers yankees cowboys steelers
  scooter blink badboy babygirl sweety sweetie honey honeybee cupcake unicorn rainbow mickey mickeymouse disney
  blahblah blahblahblah nopassword nopass none null undefined string example sample please qwe asd zxc`
    .split(/\s+/)
    .filter(word => word.length > 0),
)
