/** German. */

import { countIn } from '../plural.ts'
import type { Translation } from '../translation.ts'

const count = countIn('de')
const minutes = (number: number): string => count(number, { one: 'eine Minute', other: '# Minuten' })

export const de: Translation = {
  lang: 'de',
  frame: {
    skip: 'Zum Inhalt springen',
    language: 'Sprache',
    support: 'Hilfe',
    terms: 'Nutzungsbedingungen',
    privacy: 'Datenschutz',
  },
  home: {
    title: 'Anmeldeserver',
    text: 'Dieser Server meldet Menschen bei Anwendungen an und gibt den Anwendungen ihre Tokens.',
    discovery: 'OpenID-Connect-Metadaten',
    metadata: 'Metadaten des Autorisierungsservers',
    keys: 'Öffentliche Schlüssel (JWKS)',
    account: 'Ihr Konto',
    device: 'Ein Gerät verbinden',
  },
  login: {
    title: 'Anmelden',
    lead: client => `um mit ${client} fortzufahren`,
    leadProvider: (client, provider) => `mit ${provider}, um mit ${client} fortzufahren`,
    username: 'Benutzername',
    password: 'Passwort',
    submit: 'Anmelden',
    cancel: 'Abbrechen',
    wrong:
      'Benutzername und Passwort passen nicht zusammen. Prüfen Sie beides und versuchen Sie es noch einmal.',
    tooMany: wait =>
      `Zu viele falsche Passwörter. Warten Sie ${minutes(wait)} und versuchen Sie es noch einmal.`,
    or: 'oder',
    withProvider: provider => `Mit ${provider} anmelden`,
    here: 'Mit Benutzername und Passwort anmelden',
    nowhere:
      'Hier gibt es keinen Weg, sich bei dieser Anwendung anzumelden. Gehen Sie zurück und fragen Sie ihren Betreiber.',
    back: 'Zurück',
  },
  consent: {
    title: client => `${client} erlauben?`,
    lead: client => `${client} bittet um Zugriff auf:`,
    user: user => `Angemeldet als ${user}`,
    yes: 'Erlauben',
    no: 'Nicht erlauben',
    choose: 'Entfernen Sie das Häkchen bei allem, was Sie nicht geben möchten.',
    required: 'Erforderlich',
    sensitive: 'Sensibel',
    remember: 'Meine Antwort merken',
    goesTo: host => `Ihre Antwort geht an ${host}.`,
    goesToApp: 'Ihre Antwort geht an eine Anwendung auf diesem Gerät.',
    policy: 'Datenschutzerklärung der Anwendung',
    terms: 'Nutzungsbedingungen der Anwendung',
  },
  device: {
    title: 'Ein Gerät verbinden',
    lead: 'Geben Sie den Code ein, den Ihr Gerät zeigt.',
    code: 'Code',
    hint: 'Acht Buchstaben, zum Beispiel BCDF-GHJK',
    submit: 'Weiter',
    wrong:
      'Kein Gerät wartet mit diesem Code. Prüfen Sie ihn, oder beginnen Sie am Gerät noch einmal von vorn.',
    tooMany: wait => `Zu viele falsche Codes. Warten Sie ${minutes(wait)} und versuchen Sie es noch einmal.`,
    confirmTitle: client => `${client} verbinden?`,
    confirmLead: client => `Ein Gerät möchte ${client} in Ihrem Namen benutzen. Es bittet um Zugriff auf:`,
    compare: 'Fahren Sie nur fort, wenn Ihr Gerät diesen Code zeigt:',
    warning: 'Wenn Ihnen jemand diesen Code geschickt hat, verbinden Sie nicht.',
    yes: 'Verbinden',
    no: 'Nicht verbinden',
    approved: {
      title: 'Gerät verbunden',
      text: 'Sie können diese Seite schließen und am Gerät weitermachen.',
    },
    denied: {
      title: 'Gerät nicht verbunden',
      text: 'Das Gerät hat nichts bekommen. Sie können diese Seite schließen.',
    },
    gone: {
      title: 'Code nicht mehr gültig',
      text: 'Der Code ist abgelaufen oder wurde schon benutzt. Beginnen Sie am Gerät von vorn, um einen neuen zu bekommen.',
    },
  },
  account: {
    title: 'Ihr Konto',
    lead: 'um Ihr Konto zu sehen',
    leadProvider: provider => `mit ${provider}, um Ihr Konto zu sehen`,
    sections: { profile: 'Profil', consents: 'Anwendungen' },
    profile: {
      title: 'Ihr Profil',
      username: 'Benutzername',
      name: 'Name',
      email: 'E-Mail-Adresse',
      emailState: 'Status der Adresse',
      verified: 'Bestätigt',
      unverified: 'Nicht bestätigt',
      provider: 'Angemeldet mit',
    },
    consents: {
      title: 'Ihre Anwendungen',
      lead: 'Was Sie Anwendungen in Ihrem Namen zu tun erlaubt haben.',
      none: 'Sie haben keiner Anwendung etwas erlaubt.',
      since: date => `Seit ${date}`,
      until: date => `bis ${date}`,
      once: 'wird jedes Mal gefragt',
      remove: 'Zugriff entziehen',
      removeFrom: client => `${client} den Zugriff entziehen`,
      removed: client => `${client} hat keinen Zugriff mehr.`,
    },
  },
  scopes: {
    openid: 'Ihre Benutzerkennung',
    profile: 'Ihr Profil, zum Beispiel Ihr Name',
    email: 'Ihre E-Mail-Adresse',
    address: 'Ihre Postanschrift',
    phone: 'Ihre Telefonnummer',
    offline_access: 'All das auch, wenn Sie nicht da sind',
  },
  formPost: {
    title: 'Gleich geschafft',
    text: client => `Weiter zu ${client}.`,
    submit: 'Weiter',
  },
  error: {
    title: 'Hier geht es nicht weiter',
    lead: 'Die Anwendung, die Sie hierher geschickt hat, hat etwas verlangt, das nicht beantwortet werden kann.',
    expired:
      'Diese Seite ist zu alt oder wurde in einem anderen Browser geöffnet. Gehen Sie zurück zur Anwendung und beginnen Sie von vorn.',
    csrf: 'Das Formular konnte nicht geprüft werden. Erlauben Sie dieser Website Cookies, gehen Sie zurück und versuchen Sie es noch einmal.',
    code: 'Fehler',
    request: 'Anfrage',
  },
}
