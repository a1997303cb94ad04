/** Applications' libraries without usable types. */
declare module 'express'
declare module 'express-4'
declare module 'express-openid-connect'
declare module 'express-session'
declare module 'next-auth'
declare module 'passport'
declare module 'passport-openidconnect'
declare module 'simple-oauth2'
