/** The public interface of the package. `createTessera` composes a server without a socket; `startServer` listens. */

export { type Server, type ServerOptions, startServer } from './app/start-server.ts'
export { createTessera, type Tessera } from './app/tessera.ts'
export { loadConfiguration } from './configuration/load.ts'
export { parseConfiguration } from './configuration/parse.ts'
export { defineConfig } from './configuration/schema/whole.ts'
export { jwtBearer } from './endpoints/token/grants/jwt-bearer.ts'
export { tokenExchange } from './endpoints/token/grants/token-exchange.ts'
export { defineGrant } from './model/extension-grant.ts'
export { pageStyle } from './pages/ui/theme.ts'
