/** French. */

import { countIn } from '../plural.ts'
import type { Translation } from '../translation.ts'

const count = countIn('fr')
const minutes = (number: number): string => count(number, { one: 'une minute', other: '# minutes' })

export const fr: Translation = {
  lang: 'fr',
  frame: { language: 'Langue', support: 'Aide', terms: 'Conditions', privacy: 'Confidentialité' },
  home: {
    title: 'Serveur de connexion',
    text: 'Ce serveur connecte les personnes aux applications et donne à ces applications leurs jetons.',
    discovery: 'Métadonnées OpenID Connect',
    metadata: 'Métadonnées du serveur d’autorisation',
    keys: 'Clés publiques (JWKS)',
    account: 'Votre compte',
    device: 'Connecter un appareil',
  },
  login: {
    title: 'Connexion',
    lead: client => `pour continuer vers ${client}`,
    leadProvider: (client, provider) => `avec ${provider} pour continuer vers ${client}`,
    username: 'Nom d’utilisateur',
    password: 'Mot de passe',
    submit: 'Se connecter',
    cancel: 'Annuler',
    wrong: 'Ce nom d’utilisateur et ce mot de passe ne correspondent pas. Vérifiez-les et réessayez.',
    tooMany: wait => `Trop de mots de passe erronés. Attendez ${minutes(wait)} et réessayez.`,
    or: 'ou',
    withProvider: provider => `Se connecter avec ${provider}`,
    here: 'Se connecter avec un nom d’utilisateur et un mot de passe',
    nowhere:
      'Il n’y a ici aucun moyen de se connecter à cette application. Revenez en arrière et demandez à son responsable.',
    back: 'Retour',
  },
  consent: {
    title: client => `Autoriser ${client} ?`,
    lead: client => `${client} demande l’accès à :`,
    user: user => `Connecté en tant que ${user}`,
    yes: 'Autoriser',
    no: 'Ne pas autoriser',
    choose: 'Décochez ce que vous ne voulez pas donner.',
    required: 'Obligatoire',
    sensitive: 'Sensible',
    remember: 'Se souvenir de ma réponse',
    goesTo: host => `Votre réponse est envoyée à ${host}.`,
    goesToApp: 'Votre réponse est envoyée à une application de cet appareil.',
    policy: 'Politique de confidentialité de l’application',
    terms: 'Conditions d’utilisation de l’application',
  },
  device: {
    title: 'Connecter un appareil',
    lead: 'Saisissez le code affiché par votre appareil.',
    code: 'Code',
    hint: 'Huit lettres, par exemple BCDF-GHJK',
    submit: 'Continuer',
    wrong: 'Aucun appareil n’attend avec ce code. Vérifiez-le ou recommencez sur l’appareil.',
    tooMany: wait => `Trop de codes erronés. Attendez ${minutes(wait)} et réessayez.`,
    confirmTitle: client => `Connecter ${client} ?`,
    confirmLead: client => `Un appareil veut utiliser ${client} en votre nom. Il demande l’accès à :`,
    compare: 'Continuez seulement si votre appareil affiche ce code :',
    warning: 'Si quelqu’un vous a envoyé ce code, ne connectez rien.',
    yes: 'Connecter',
    no: 'Ne pas connecter',
    approved: {
      title: 'Appareil connecté',
      text: 'Vous pouvez fermer cette page et continuer sur votre appareil.',
    },
    denied: {
      title: 'Appareil non connecté',
      text: 'L’appareil n’a rien reçu. Vous pouvez fermer cette page.',
    },
    gone: {
      title: 'Code expiré',
      text: 'Le code a expiré ou a déjà servi. Recommencez sur l’appareil pour en obtenir un nouveau.',
    },
  },
  account: {
    title: 'Votre compte',
    lead: 'pour voir votre compte',
    leadProvider: provider => `avec ${provider} pour voir votre compte`,
    sections: { profile: 'Profil', consents: 'Applications' },
    profile: {
      title: 'Votre profil',
      username: 'Nom d’utilisateur',
      name: 'Nom',
      email: 'Adresse e-mail',
      emailState: 'État de l’adresse',
      verified: 'Vérifiée',
      unverified: 'Non vérifiée',
      provider: 'Connecté avec',
    },
    consents: {
      title: 'Vos applications',
      lead: 'Ce que vous avez autorisé des applications à faire en votre nom.',
      none: 'Vous n’avez rien autorisé à aucune application.',
      since: date => `Depuis le ${date}`,
      until: date => `jusqu’au ${date}`,
      once: 'demandé à chaque fois',
      remove: 'Retirer l’accès',
      removeFrom: client => `Retirer l’accès de ${client}`,
      removed: client => `${client} n’a plus accès à rien.`,
    },
  },
  scopes: {
    openid: 'Votre identifiant d’utilisateur',
    profile: 'Votre profil, par exemple votre nom',
    email: 'Votre adresse e-mail',
    address: 'Votre adresse postale',
    phone: 'Votre numéro de téléphone',
    offline_access: 'Tout cela aussi en votre absence',
  },
  formPost: {
    title: 'Presque terminé',
    text: client => `Continuer vers ${client}.`,
    submit: 'Continuer',
  },
  error: {
    title: 'Impossible de continuer',
    lead: 'L’application qui vous a envoyé ici a fait une demande à laquelle il n’est pas possible de répondre.',
    expired:
      'Cette page est trop ancienne ou a été ouverte dans un autre navigateur. Revenez à l’application et recommencez.',
    csrf: 'Le formulaire n’a pas pu être vérifié. Autorisez les cookies de ce site, revenez en arrière et réessayez.',
    code: 'Erreur',
    request: 'Demande',
  },
}
