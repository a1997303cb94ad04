/** German. */

import type { Translation } from '../translation.ts'
import { countIn } from '../words.ts'

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
    title: site => `Willkommen bei ${site}`,

    discovery: 'OpenID-Connect-Metadaten',
    metadata: 'Metadaten des Autorisierungsservers',
    keys: 'Öffentliche Schlüssel (JWKS)',
    lead: 'Melden Sie sich an, um Ihr Konto zu verwalten.',
    product: host => `Zu ${host}`,
    developers: 'Für Entwickler',
  },
  login: {
    title: 'Anmelden',
    lead: client => `um mit ${client} fortzufahren`,
    leadProvider: (client, provider) => `mit ${provider}, um mit ${client} fortzufahren`,
    username: 'Benutzername',
    password: 'Passwort',
    submit: 'Anmelden',
    cancel: 'Abbrechen',
    restarted: 'Diese Seite war zu lange geöffnet. Die Anmeldung beginnt deshalb von vorn.',
    wrong:
      'Benutzername und Passwort passen nicht zusammen. Prüfen Sie beides und versuchen Sie es noch einmal.',
    tooMany: wait =>
      `Zu viele falsche Passwörter. Warten Sie ${minutes(wait)} und versuchen Sie es noch einmal.`,
    keep: 'Auf diesem Gerät angemeldet bleiben',
    away: 'Passwörter können gerade nicht geprüft werden. Versuchen Sie es in ein paar Minuten noch einmal.',
    next: 'Weiter',
    or: 'oder',
    withProvider: provider => `Mit ${provider} anmelden`,
    here: 'Mit Benutzername und Passwort anmelden',
    nowhere:
      'Hier gibt es keinen Weg, sich bei dieser Anwendung anzumelden. Gehen Sie zurück und fragen Sie ihren Betreiber.',
    back: 'Zurück',
  },
  federation: {
    title: provider => `Die Anmeldung mit ${provider} hat nicht geklappt`,
    failed: provider =>
      `${provider} hat nicht wie erwartet geantwortet. Versuchen Sie es in ein paar Minuten noch einmal.`,
    denied: provider => `Mit Ihrem Konto bei ${provider} können Sie sich hier nicht anmelden.`,
    taken: provider =>
      `Ihr Konto bei ${provider} gehört hier zu einem anderen Konto. Trennen Sie es dort zuerst.`,
    again: 'Noch einmal versuchen',
    others: 'Anders anmelden',
  },
  mfa: {
    title: 'Bestätigen Sie, dass Sie es sind',
    lead: {
      totp: 'Geben Sie den Code ein, den Ihre Authenticator-App zeigt.',
      passkey: 'Fahren Sie mit Ihrem Passkey fort.',
      recovery_code: 'Geben Sie einen Ihrer aufbewahrten Wiederherstellungscodes ein. Jeder gilt einmal.',
    },
    code: { totp: 'Sechsstelliger Code', recovery_code: 'Wiederherstellungscode' },
    submit: 'Weiter',
    remember: days =>
      `In diesem Browser ${count(days, { one: 'einen Tag', other: '# Tage' })} lang nicht mehr fragen`,
    instead: {
      totp: 'Authenticator-App benutzen',
      passkey: 'Passkey benutzen',
      recovery_code: 'Wiederherstellungscode benutzen',
    },
    problems: {
      wrong: {
        totp: 'Der Code ist falsch oder zu alt. Geben Sie den ein, den Ihre App jetzt zeigt.',
        passkey:
          'Dieser Passkey kann hier nicht benutzt werden. Versuchen Sie es noch einmal oder auf einem anderen Weg.',
        recovery_code: 'Der Wiederherstellungscode ist falsch oder wurde schon benutzt.',
      },
      used: 'Der Code wurde schon benutzt. Warten Sie, bis Ihre App den nächsten zeigt.',
      expired: 'Das hat zu lange gedauert. Beginnen Sie noch einmal mit dem, was diese Seite jetzt zeigt.',
      tooMany: wait =>
        `Zu viele falsche Codes. Warten Sie ${minutes(wait)} und versuchen Sie es noch einmal.`,
    },
    enrol: {
      required: 'Ihr Konto braucht beim Anmelden einen zweiten Schritt. Richten Sie ihn jetzt ein.',
      totp: {
        title: 'Authenticator-App einrichten',
        lead: 'Eine App auf Ihrem Telefon zeigt alle 30 Sekunden einen neuen Code.',
        scan: 'Scannen Sie dieses Bild mit der App:',
        picture: 'QR-Code mit dem Geheimnis darunter',
        secret: 'Oder tippen Sie dieses Geheimnis ein:',
      },
      passkey: {
        title: 'Passkey einrichten',
        lead: 'Er bleibt auf Ihrem Gerät oder Sicherheitsschlüssel und kann weder erraten noch abgefischt werden.',
      },
      submit: 'Einrichten',
      instead: { totp: 'Authenticator-App einrichten', passkey: 'Passkey einrichten' },
    },
    codes: {
      title: 'Bewahren Sie Ihre Wiederherstellungscodes auf',
      lead: 'Mit jedem können Sie sich einmal anmelden, wenn das Übliche nicht zur Hand ist. Sie werden nur jetzt gezeigt.',
      note: 'Drucken Sie sie aus oder legen Sie sie in einen Passwortmanager, getrennt von Ihrem Telefon.',
      submit: 'Ich habe sie aufbewahrt',
    },
  },
  passkey: {
    signIn: 'Mit einem Passkey anmelden',
    wrong:
      'Mit diesem Passkey können Sie sich hier nicht anmelden. Versuchen Sie einen anderen oder einen anderen Weg.',
    use: 'Passkey benutzen',
    create: 'Passkey erstellen',
    name: 'Ein Name dafür, zum Beispiel „Mein Telefon“',
    unnamed: 'Passkey ohne Namen',
    notGiven: 'Von Ihrem Gerät kam kein Passkey. Versuchen Sie es noch einmal oder auf einem anderen Weg.',
    withoutScript: 'Passkeys brauchen JavaScript und einen Browser, der sie unterstützt.',
  },
  selectAccount: {
    title: 'Konto auswählen',
    goOn: user => `Weiter als ${user}`,
    other: 'Ein anderes Konto benutzen',
  },
  consent: {
    title: client => `${client} erlauben?`,
    lead: client => `${client} bittet um Zugriff auf:`,
    user: user => `Angemeldet als ${user}`,
    yes: 'Erlauben',
    no: 'Nicht erlauben',
    choose: 'Entfernen Sie das Häkchen bei allem, was Sie nicht erlauben möchten.',
    required: 'Erforderlich',
    sensitive: 'Sensibel',
    remember: 'Meine Antwort merken',
    published: 'Anwendung unter dieser Webadresse.',
    publishedByStranger:
      'Diese Anwendung ist hier nicht bekannt, und ihr Name ist nicht geprüft. Erlauben Sie sie nur, wenn Sie diese Webadresse kennen und ihr vertrauen.',
    goesTo: host => `Ihre Antwort geht an ${host}.`,
    goesToDevice: host =>
      `Ihre Antwort geht an ein Programm auf diesem Gerät (${host}). Erlauben Sie es nur, wenn Sie dies gerade dort begonnen haben.`,
    goesToApp: scheme =>
      `Ihre Antwort geht an die Anwendung auf diesem Gerät, die ${scheme}-Adressen öffnet.`,
    policy: client => `Datenschutzerklärung von ${client}`,
    terms: client => `Nutzungsbedingungen von ${client}`,
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
      text: 'Das Gerät hat keinen Zugriff bekommen. Sie können diese Seite schließen.',
    },
    gone: {
      title: 'Code nicht mehr gültig',
      text: 'Der Code ist abgelaufen oder wurde schon benutzt. Beginnen Sie am Gerät von vorn, um einen neuen zu bekommen.',
    },
  },
  signOut: {
    title: 'Abmelden?',
    lead: 'Sie werden hier und in den Anwendungen abgemeldet, die Sie mit dieser Anmeldung benutzen.',
    leadClient: client =>
      `${client} möchte Sie abmelden, hier und in den Anwendungen, die Sie mit dieser Anmeldung benutzen.`,
    yes: 'Abmelden',
    no: 'Angemeldet bleiben',
    kept: {
      title: 'Sie sind weiterhin angemeldet',
      text: 'Es hat sich nichts geändert. Sie können diese Seite schließen.',
    },
    done: {
      title: 'Sie sind abgemeldet',
      text: 'Sie können diese Seite schließen.',
      goingOn: 'Sie werden bei Ihren Anwendungen abgemeldet. Gleich geht es weiter.',
      next: 'Weiter',
      returnRefused:
        'Die Anwendung wollte Sie an eine Adresse weiterleiten, die hier nicht zugelassen ist. Sie wurden nicht dorthin weitergeleitet.',
      back: client => `Zurück zu ${client}`,
      again: 'Wieder anmelden',
    },
  },
  account: {
    title: 'Ihr Konto',
    lead: 'um Ihr Konto zu sehen',
    leadProvider: provider => `mit ${provider}, um Ihr Konto zu sehen`,
    sections: {
      profile: 'Profil',
      password: 'Passwort',
      security: 'Sicherheit',
      sessions: 'Sitzungen',
      connections: 'Verbindungen',
      consents: 'Anwendungen',
    },
    security: {
      title: 'Sicherheit bei der Anmeldung',
      lead: 'Ein zweiter Schritt schützt Ihr Konto, auch wenn jemand Ihr Passwort erfährt.',
      app: 'Authenticator-App',
      name: 'Bezeichnung',
      used: ago => `Zuletzt benutzt: ${ago}`,
      added: ago => `Eingerichtet: ${ago}`,
      rename: 'Umbenennen',
      renameOf: name => `${name} umbenennen`,
      remove: 'Entfernen',
      removeOf: name => `${name} entfernen`,
      codes: 'Wiederherstellungscodes',
      codesLeft: number => count(number, { one: 'Noch einer übrig', other: 'Noch # übrig' }),
      newCodes: 'Neue Codes erzeugen',
      lastFactor:
        'Ihr Konto braucht einen zweiten Schritt. Richten Sie einen anderen ein, bevor Sie diesen entfernen.',
      none: 'Für Ihr Konto gibt es hier nichts einzurichten.',
      yours: 'In Gebrauch',
      adding: 'Methode hinzufügen',

      save: 'Speichern',
      passkey: 'Passkey',
    },
    sessionList: {
      title: 'Wo Sie angemeldet sind',
      lead: 'Melden Sie jeden Browser ab, den Sie nicht kennen.',
      current: 'Dieser Browser, jetzt',
      browserOn: (browser, system) => `${browser} unter ${system}`,
      unknown: 'Unbekannter Browser',
      seen: ago => `Zuletzt benutzt: ${ago}`,
      end: 'Abmelden',
      endOf: name => `${name} abmelden`,
      endOthers: 'Überall sonst abmelden',
      leadWithPassword: 'Melden Sie jeden unbekannten Browser ab, und ändern Sie dann Ihr Passwort.',
    },
    connections: {
      title: 'Verbundene Konten',
      lead: 'Konten bei anderen Diensten, mit denen Sie sich anmelden können.',
      none: 'Kein Konto bei einem anderen Dienst ist verbunden.',
      since: date => `Seit ${date}`,
      remove: 'Trennen',
      removeOf: name => `${name} trennen`,
      add: name => `${name} verbinden`,
      adding: 'Konto hinzufügen',
    },
    profile: {
      title: 'Ihr Profil',
      applications: 'Eine Anwendung öffnen',
      username: 'Benutzername',
      name: 'Name',
      email: 'E-Mail-Adresse',

      verified: 'Bestätigt',
      unverified: 'Nicht bestätigt',
      provider: 'Angemeldet mit',
      none: 'Nicht angegeben',
      change: 'Ändern',
    },
    consents: {
      title: 'Ihre Anwendungen',
      lead: 'Diese Anwendungen dürfen Ihr Konto benutzen. Entfernen Sie die, die Sie nicht mehr brauchen.',
      none: 'Keine Anwendung hat Zugriff auf Ihr Konto.',
      since: date => `Seit ${date}`,
      until: date => `bis ${date}`,
      used: ago => `letzte Nutzung: ${ago}`,
      unused: 'nicht in Gebrauch',
      apis: names => `Nur für ${names}`,
      once: 'fragt jedes Mal',
      next: 'Weitere Anwendungen',
      first: 'Zurück zu den ersten Anwendungen',
      remove: 'Zugriff entziehen',
      removeFrom: client => `${client} den Zugriff entziehen`,
      removed: client => `${client} hat keinen Zugriff mehr.`,
    },
  },
  fields: {
    names: {
      email: 'E-Mail-Adresse',
      username: 'Benutzername',
      full_name: 'Name',
      given_name: 'Vorname',
      family_name: 'Nachname',
      password: 'Aktuelles Passwort',
      new_password: 'Neues Passwort',
    },
    length: least => `Mindestens ${least} Zeichen. Ein paar Wörter ohne Zusammenhang merken sich leicht.`,
    pages: {
      signUpAddress: {
        title: 'Konto erstellen',
        lead: 'Wir schicken Ihnen einen Link, der weiterführt.',
        submit: 'Link schicken',
      },
      signUp: { title: 'Konto erstellen', lead: '', submit: 'Konto erstellen' },
      complete: {
        title: 'Fast fertig',
        lead: 'Wählen Sie ein Passwort für Ihr Konto.',
        submit: 'Konto erstellen',
      },
      forgotten: {
        title: 'Passwort vergessen?',
        lead: 'Wenn Ihr Konto eine bestätigte E-Mail-Adresse hat, schicken wir einen Link dorthin.',
        submit: 'Link schicken',
      },
      reset: { title: 'Neues Passwort wählen', lead: '', submit: 'Passwort speichern' },
      confirmEmail: { title: 'Diese Adresse bestätigen', lead: '', submit: 'Bestätigen' },
      password: {
        title: 'Passwort ändern',
        lead: 'Sie werden überall sonst abgemeldet.',
        submit: 'Passwort speichern',
      },
      changeEmail: {
        title: 'E-Mail-Adresse ändern',
        lead: 'Wir schicken einen Link an die neue Adresse. Öffnen Sie ihn, um die Änderung abzuschließen.',
        submit: 'Link schicken',
      },
      names: { title: 'Namen ändern', lead: '', submit: 'Speichern' },
      deleteAccount: {
        title: 'Konto löschen',
        lead: 'Sie werden überall abgemeldet, und Anwendungen, die Sie mit diesem Konto benutzen, verlieren ihren Zugriff. Das lässt sich nicht rückgängig machen.',
        submit: 'Konto endgültig löschen',
      },
    },
    notices: {
      mailSent: {
        title: 'Sehen Sie in Ihr Postfach',
        text: 'Wenn Ihre Angaben stimmen, bekommen Sie gleich eine E-Mail mit einem Link. Der Link gilt einmal, eine Stunde lang.',
      },
      passwordSaved: { title: 'Ihr Passwort ist geändert', text: 'Sie sind überall sonst abgemeldet.' },
      emailConfirmed: {
        title: 'Ihre Adresse ist bestätigt',
        text: 'Sie können diese Seite schließen.',
      },
      accountDeleted: { title: 'Ihr Konto ist gelöscht', text: 'Sie sind überall abgemeldet.' },
      linkInvalid: {
        title: 'Dieser Link gilt nicht mehr',
        text: 'Er ist zu alt, wurde benutzt, oder seither hat sich etwas geändert. Fordern Sie einen neuen an.',
      },
      notHere: {
        title: 'Ihr Konto wird anderswo verwaltet',
        text: 'Es kann hier nicht geändert werden. Wenden Sie sich an die Stelle, von der Sie das Konto haben.',
      },
    },
    links: {
      signUp: 'Konto erstellen',
      forgotten: 'Passwort vergessen?',
      goOn: 'Weiter',
      signIn: 'Anmelden',
      account: 'Ihr Konto',
      names: 'Namen ändern',
      email: 'E-Mail-Adresse ändern',
      again: 'Neuen Link anfordern',
      deleteAccount: 'Konto löschen',
      backToSignIn: 'Zurück zur Anmeldung',
    },
    problems: {
      too_long: 'Das Passwort ist zu lang.',
      too_common: 'Das Passwort ist zu leicht zu erraten. Wählen Sie ein anderes.',
      like_name: 'Das Passwort ähnelt Ihrem Namen zu sehr. Wählen Sie ein anderes.',
      username_taken: 'Dieser Benutzername ist vergeben. Wählen Sie einen anderen.',
      username_malformed: 'Das kann kein Benutzername sein. Wählen Sie einen anderen.',
      email_malformed: 'Das ist keine E-Mail-Adresse. Prüfen Sie sie.',
      wrong: 'Das aktuelle Passwort ist falsch.',
      changed: 'Ihr Konto wurde gleichzeitig geändert. Versuchen Sie es noch einmal.',
    },
    tooMany: wait =>
      `Das wurde zu oft versucht. Warten Sie ${minutes(wait)} und versuchen Sie es noch einmal.`,
    usernameOrEmail: 'Benutzername oder E-Mail-Adresse',
    haveAccount: 'Haben Sie schon ein Konto?',
  },
  outbox: {
    title: 'E-Mails',
    lead: 'Für diesen Server sind keine E-Mails eingerichtet: Nichts wurde verschickt, es wird stattdessen hier gezeigt.',
    none: 'Bisher wurde nichts verschickt.',
    open: 'Link öffnen',
  },
  mail: {
    signUp: {
      subject: site => `Bestätigen Sie Ihre Adresse für ${site}`,
      text: site => `Jemand, vermutlich Sie, möchte bei ${site} mit dieser Adresse ein Konto erstellen.`,
      action: 'Konto erstellen',
      note: 'Der Link gilt einmal, eine Stunde lang. Wenn Sie es nicht waren, können Sie diese Nachricht ignorieren.',
    },
    alreadyHere: {
      subject: site => `Ihr Konto bei ${site}`,
      text: site =>
        `Jemand, vermutlich Sie, wollte bei ${site} mit dieser Adresse ein Konto erstellen; sie hat schon eines.`,
      action: 'Anmelden',
      note: 'Wenn Sie Ihr Passwort vergessen haben, hilft die Anmeldeseite. Wenn Sie es nicht waren, können Sie diese Nachricht ignorieren.',
    },
    resetPassword: {
      subject: site => `Ein neues Passwort für ${site}`,
      text: site => `Jemand, vermutlich Sie, hat bei ${site} ein neues Passwort verlangt.`,
      action: 'Neues Passwort wählen',
      note: 'Der Link gilt einmal, eine Stunde lang. Wenn Sie es nicht waren, können Sie diese Nachricht ignorieren: Es hat sich nichts geändert.',
    },
    confirmEmail: {
      subject: site => `Bestätigen Sie Ihre Adresse für ${site}`,
      text: site => `Diese Adresse wurde für ein Konto bei ${site} angegeben.`,
      action: 'Adresse bestätigen',
      note: 'Der Link gilt einmal, eine Stunde lang. Wenn Sie es nicht waren, können Sie diese Nachricht ignorieren.',
    },
    emailChanged: {
      subject: site => `Ihre Adresse bei ${site} wurde geändert`,
      text: site => `Ihr Konto bei ${site} hat ab jetzt eine andere E-Mail-Adresse.`,
      action: 'Konto ansehen',
      note: 'Wenn Sie es nicht waren, sagen Sie sofort dem Betreiber des Dienstes Bescheid.',
    },
    passwordChanged: {
      subject: site => `Ihr Passwort bei ${site} wurde geändert`,
      text: site => `Das Passwort Ihres Kontos bei ${site} wurde geändert.`,
      action: 'Konto ansehen',
      note: 'Wenn Sie es nicht waren, fordern Sie sofort ein neues Passwort an.',
    },
    accountDeleted: {
      subject: site => `Ihr Konto bei ${site} wurde gelöscht`,
      text: site => `Ihr Konto bei ${site} und was dazu gehörte wurde gelöscht.`,
      action: 'Zum Dienst',
      note: 'Wenn Sie es nicht waren, sagen Sie sofort dem Betreiber des Dienstes Bescheid.',
    },
  },
  signInMail: {
    subject: site => `Die Anmeldung bei ${site} hat sich geändert`,
    changes: {
      totp_added: site => `Für Ihr Konto bei ${site} wurde eine Authenticator-App eingerichtet.`,
      totp_removed: site => `Die Authenticator-App Ihres Kontos bei ${site} wurde entfernt.`,
      passkey_added: site => `Ihrem Konto bei ${site} wurde ein Passkey hinzugefügt.`,
      passkey_removed: site => `Von Ihrem Konto bei ${site} wurde ein Passkey entfernt.`,
      recovery_codes_made: site =>
        `Für Ihr Konto bei ${site} gibt es neue Wiederherstellungscodes; die alten gelten nicht mehr.`,
      recovery_code_used: site =>
        `Bei der Anmeldung an Ihrem Konto bei ${site} wurde ein Wiederherstellungscode benutzt.`,
      identity_linked: site =>
        `Mit Ihrem Konto bei ${site} wurde ein anderes Konto verbunden, das sich dort anmelden kann.`,
      identity_unlinked: site =>
        `Die Verbindung Ihres Kontos bei ${site} mit einem anderen Konto wurde getrennt.`,
    },
    action: 'Konto ansehen',
    note: 'Wenn Sie es nicht waren, ändern Sie sofort Ihr Passwort und entfernen Sie, was Sie nicht kennen.',
    standing: {
      lead: 'Damit kann man sich weiter an Ihrem Konto anmelden. Entfernen Sie, was Sie nicht kennen:',
      totp: 'Authenticator-App',
      passkey: 'Hinterlegte Passkeys',
      recovery_codes: 'Wiederherstellungscodes',
      connections: 'Verbundene Konten',
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
    title: 'Etwas ist schiefgegangen',
    lead: 'Die Anwendung, von der Sie kommen, hat eine ungültige Anfrage gestellt. Gehen Sie dorthin zurück und versuchen Sie es noch einmal, oder sagen Sie ihren Betreibern Bescheid.',
    expired:
      'Diese Seite ist zu alt oder wurde in einem anderen Browser geöffnet. Gehen Sie zurück zur Anwendung und beginnen Sie von vorn.',
    gone: 'Die Anwendung, die Sie hierher geschickt hat, ist diesem Server nicht mehr bekannt. Entfernen Sie in der Anwendung die Verbindung zu diesem Server und verbinden Sie sie neu.',
    csrf: 'Das Formular konnte nicht geprüft werden. Erlauben Sie dieser Website Cookies, gehen Sie zurück und versuchen Sie es noch einmal.',
    code: 'Fehler',
    request: 'Anfrage',
    edge: {
      notFound: {
        title: 'Seite nicht gefunden',
        text: 'Prüfen Sie die Adresse, oder beginnen Sie auf der Startseite.',
      },
      refused: {
        title: 'Etwas ist schiefgegangen',
        text: 'Gehen Sie zurück und versuchen Sie es noch einmal, oder beginnen Sie auf der Startseite.',
      },
      tooLarge: {
        title: 'Etwas ist schiefgegangen',
        text: 'Ihre Eingabe ist zu lang. Gehen Sie zurück, kürzen Sie sie und versuchen Sie es noch einmal.',
      },
      failed: {
        title: 'Etwas ist schiefgegangen',
        text: 'Der Fehler liegt bei uns. Versuchen Sie es in ein paar Minuten noch einmal.',
      },
      unavailable: { title: 'Gerade nicht verfügbar', text: 'Versuchen Sie es gleich noch einmal.' },
    },
    home: 'Zur Startseite',
  },
}
