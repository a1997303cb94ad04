/** English. A new language is a file beside this one with the same shape, named in `../texts.ts`. */

export const en = {
  lang: 'en',
  name: 'Tessera',
  home: {
    title: 'Sign-in server',
    text: 'This server signs people in to applications and gives those applications their tokens.',
    discovery: 'OpenID Connect discovery',
    metadata: 'Authorization server metadata',
    keys: 'Public keys (JWKS)',
    account: 'Your account',
    device: 'Connect a device',
  },
  login: {
    title: 'Sign in',
    lead: (client: string) => `to continue to ${client}`,
    leadProvider: (client: string, provider: string) => `with ${provider} to continue to ${client}`,
    username: 'Username',
    password: 'Password',
    submit: 'Sign in',
    cancel: 'Cancel',
    wrong: 'That username and password don’t match. Check both and try again.',
    tooMany: (minutes: number) =>
      `Too many wrong passwords. Wait ${minutes === 1 ? 'a minute' : `${minutes} minutes`} and try again.`,
    or: 'or',
    withProvider: (provider: string) => `Sign in with ${provider}`,
    here: 'Sign in with a username and password',
    nowhere: 'There is no way to sign in to this application here. Go back and ask its owner.',
    back: 'Go back',
  },
  consent: {
    title: (client: string) => `Allow ${client}?`,
    lead: (client: string) => `${client} asks for access to:`,
    user: (user: string) => `Signed in as ${user}`,
    yes: 'Allow',
    no: 'Don’t allow',
    remembered: 'Your answer is remembered for next time.',
  },
  device: {
    title: 'Connect a device',
    lead: 'Enter the code that your device shows.',
    code: 'Code',
    hint: 'Eight letters, for example BCDF-GHJK',
    submit: 'Continue',
    wrong: 'No device is waiting with that code. Check it, or start again on the device.',
    tooMany: (minutes: number) =>
      `Too many wrong codes. Wait ${minutes === 1 ? 'a minute' : `${minutes} minutes`} and try again.`,
    confirmTitle: (client: string) => `Connect ${client}?`,
    confirmLead: (client: string) => `A device wants to use ${client} as you. It asks for access to:`,
    compare: 'Go on only if your device shows this code:',
    warning: 'If someone sent you this code, don’t connect.',
    yes: 'Connect',
    no: 'Don’t connect',
    approved: { title: 'Device connected', text: 'You can close this page and go on with your device.' },
    denied: { title: 'Device not connected', text: 'The device was given nothing. You can close this page.' },
    gone: {
      title: 'Code no longer valid',
      text: 'The code expired or was used before. Start again on the device to get a new one.',
    },
  },
  account: {
    title: 'Your account',
    lead: 'to see your account',
    leadProvider: (provider: string) => `with ${provider} to see your account`,
    sections: { profile: 'Profile' },
    profile: {
      title: 'Your profile',
      username: 'Username',
      name: 'Name',
      email: 'Email address',
      emailState: 'Email state',
      verified: 'Verified',
      unverified: 'Not verified',
      provider: 'Signed in with',
    },
  },
  /** Where the operator has no words of their own. */
  scopes: {
    openid: 'Your user identifier',
    profile: 'Your profile, such as your name',
    email: 'Your email address',
    address: 'Your postal address',
    phone: 'Your phone number',
    offline_access: 'All of this while you are away',
  } as Readonly<Record<string, string>>,
  formPost: {
    title: 'Almost there',
    text: (client: string) => `Go on to ${client}.`,
    submit: 'Continue',
  },
  error: {
    title: 'This can’t go on',
    lead: 'The application that sent you here made a request that can’t be answered.',
    expired:
      'This page is too old, or it was opened in another browser. Go back to the application and start again.',
    csrf: 'The form could not be checked. Allow cookies for this site, go back and try again.',
    code: 'Error',
    request: 'Request',
  },
}

export type Texts = typeof en
