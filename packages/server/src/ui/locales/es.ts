/** Spanish. */

import { countIn } from '../plural.ts'
import type { Translation } from '../translation.ts'

const count = countIn('es')
const minutes = (number: number): string => count(number, { one: 'un minuto', other: '# minutos' })

export const es: Translation = {
  lang: 'es',
  frame: { language: 'Idioma', support: 'Ayuda', terms: 'Condiciones', privacy: 'Privacidad' },
  home: {
    title: 'Servidor de inicio de sesión',
    text: 'Este servidor identifica a las personas ante las aplicaciones y da a esas aplicaciones sus tokens.',
    discovery: 'Metadatos de OpenID Connect',
    metadata: 'Metadatos del servidor de autorización',
    keys: 'Claves públicas (JWKS)',
    account: 'Su cuenta',
    device: 'Conectar un dispositivo',
  },
  login: {
    title: 'Iniciar sesión',
    lead: client => `para continuar a ${client}`,
    leadProvider: (client, provider) => `con ${provider} para continuar a ${client}`,
    username: 'Nombre de usuario',
    password: 'Contraseña',
    submit: 'Iniciar sesión',
    cancel: 'Cancelar',
    wrong: 'El nombre de usuario y la contraseña no coinciden. Compruebe ambos e inténtelo de nuevo.',
    tooMany: wait => `Demasiadas contraseñas incorrectas. Espere ${minutes(wait)} e inténtelo de nuevo.`,
    or: 'o',
    withProvider: provider => `Iniciar sesión con ${provider}`,
    here: 'Iniciar sesión con nombre de usuario y contraseña',
    nowhere:
      'Aquí no hay forma de iniciar sesión en esta aplicación. Vuelva atrás y pregunte a su responsable.',
    back: 'Volver',
  },
  consent: {
    title: client => `¿Permitir ${client}?`,
    lead: client => `${client} pide acceso a:`,
    user: user => `Sesión iniciada como ${user}`,
    yes: 'Permitir',
    no: 'No permitir',
    choose: 'Desmarque lo que no quiera dar.',
    required: 'Obligatorio',
    sensitive: 'Sensible',
    remember: 'Recordar mi respuesta',
    goesTo: host => `Su respuesta se envía a ${host}.`,
    goesToApp: 'Su respuesta se envía a una aplicación de este dispositivo.',
    policy: 'Política de privacidad de la aplicación',
    terms: 'Condiciones de servicio de la aplicación',
  },
  device: {
    title: 'Conectar un dispositivo',
    lead: 'Introduzca el código que muestra su dispositivo.',
    code: 'Código',
    hint: 'Ocho letras, por ejemplo BCDF-GHJK',
    submit: 'Continuar',
    wrong: 'Ningún dispositivo espera con ese código. Compruébelo o empiece de nuevo en el dispositivo.',
    tooMany: wait => `Demasiados códigos incorrectos. Espere ${minutes(wait)} e inténtelo de nuevo.`,
    confirmTitle: client => `¿Conectar ${client}?`,
    confirmLead: client => `Un dispositivo quiere usar ${client} en su nombre. Pide acceso a:`,
    compare: 'Continúe solo si su dispositivo muestra este código:',
    warning: 'Si alguien le envió este código, no conecte nada.',
    yes: 'Conectar',
    no: 'No conectar',
    approved: {
      title: 'Dispositivo conectado',
      text: 'Puede cerrar esta página y seguir en su dispositivo.',
    },
    denied: {
      title: 'Dispositivo no conectado',
      text: 'El dispositivo no recibió nada. Puede cerrar esta página.',
    },
    gone: {
      title: 'Código no válido',
      text: 'El código ha caducado o ya se usó. Empiece de nuevo en el dispositivo para obtener otro.',
    },
  },
  account: {
    title: 'Su cuenta',
    lead: 'para ver su cuenta',
    leadProvider: provider => `con ${provider} para ver su cuenta`,
    sections: { profile: 'Perfil', consents: 'Aplicaciones' },
    profile: {
      title: 'Su perfil',
      username: 'Nombre de usuario',
      name: 'Nombre',
      email: 'Correo electrónico',
      emailState: 'Estado del correo',
      verified: 'Verificado',
      unverified: 'Sin verificar',
      provider: 'Sesión iniciada con',
    },
    consents: {
      title: 'Sus aplicaciones',
      lead: 'Lo que ha permitido hacer a las aplicaciones en su nombre.',
      none: 'No ha permitido nada a ninguna aplicación.',
      since: date => `Desde el ${date}`,
      until: date => `hasta el ${date}`,
      once: 'se pregunta cada vez',
      remove: 'Retirar el acceso',
      removeFrom: client => `Retirar el acceso de ${client}`,
      removed: client => `${client} ya no tiene acceso.`,
    },
  },
  scopes: {
    openid: 'Su identificador de usuario',
    profile: 'Su perfil, por ejemplo su nombre',
    email: 'Su correo electrónico',
    address: 'Su dirección postal',
    phone: 'Su número de teléfono',
    offline_access: 'Todo esto también en su ausencia',
  },
  formPost: {
    title: 'Casi listo',
    text: client => `Continúe a ${client}.`,
    submit: 'Continuar',
  },
  error: {
    title: 'No se puede continuar',
    lead: 'La aplicación que le envió aquí hizo una petición que no se puede responder.',
    expired:
      'Esta página es demasiado antigua o se abrió en otro navegador. Vuelva a la aplicación y empiece de nuevo.',
    csrf: 'No se pudo comprobar el formulario. Permita las cookies de este sitio, vuelva atrás e inténtelo de nuevo.',
    code: 'Error',
    request: 'Petición',
  },
}
