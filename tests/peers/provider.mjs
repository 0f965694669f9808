// A real, certified authorization server (oidc-provider) on a free loopback port, for tests.
//
// Settings come as one line of JSON on standard input: `tls` (files `certificate`, `key`, `ca` for https with optional
// client certificates), `clients` (more of them). One line of JSON goes out: `issuer`, `control`. The control port takes
// POST /rotate {"retire": bool}, POST /count {"path"}, POST /pause {"paused": bool}. It ends when its input does.

import { generateKeyPairSync, randomUUID, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { createInterface } from 'node:readline';

console.info = console.warn = () => {};
const { default: Provider } = await import('oidc-provider');

const RESOURCE = 'urn:orders';
const SCOPES = ['orders.read', 'orders.write'];
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const SECRET = 'a secret of the tests, which nobody else uses';

function newKey() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'ES256' };
}

function confidential(client_id, rest = {}) {
  return {
    client_id,
    client_secret: SECRET,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    scope: SCOPES.join(' '),
    ...rest,
  };
}

const clients = [
  confidential('gateway'),
  confidential('gateway-post', { token_endpoint_auth_method: 'client_secret_post' }),
  confidential('shop'),
  confidential('shop-post', { token_endpoint_auth_method: 'client_secret_post', scope: 'orders.read' }),
  confidential('shop-exchange', { grant_types: ['client_credentials', EXCHANGE] }),
  confidential('shop-web', {
    grant_types: ['authorization_code', 'refresh_token'],
    redirect_uris: ['https://shop.example/callback'],
    response_types: ['code'],
    scope: `openid offline_access ${SCOPES.join(' ')}`,
  }),
];

function certificateOf(ctx) {
  return ctx.socket.getPeerCertificate?.()?.raw && new X509Certificate(ctx.socket.getPeerCertificate().raw).toString();
}

function configuration(settings, keys) {
  return {
    clients: [...clients, ...(settings.clients ?? [])],
    jwks: { keys },
    scopes: ['openid', 'offline_access', ...SCOPES],
    clientDefaults: { id_token_signed_response_alg: 'ES256', introspection_signed_response_alg: 'ES256' },
    clientAuthMethods: [
      'client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt', 'none',
      ...(settings.tls ? ['tls_client_auth', 'self_signed_tls_client_auth'] : []),
    ],
    enabledJWA: { introspectionSigningAlgValues: ['ES256'], idTokenSigningAlgValues: ['ES256'] },
    ttl: { ClientCredentials: 600, AccessToken: 600 },
    interactions: { url: (ctx, interaction) => `/login/${interaction.uid}` },
    pkce: { required: () => true },
    issueRefreshToken: (ctx, client) => client.grantTypeAllowed('refresh_token'),
    async loadExistingGrant(ctx) {
      const grant = new ctx.oidc.provider.Grant({
        clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId,
      });
      grant.addOIDCScope(`openid offline_access ${SCOPES.join(' ')}`);
      grant.addResourceScope(RESOURCE, SCOPES.join(' '));
      await grant.save();
      return grant;
    },
    findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      dPoP: { enabled: true, requireNonce: () => false },
      introspection: { enabled: true, allowedPolicy: (ctx, client) => client.clientId.startsWith('gateway') },
      jwtIntrospection: { enabled: true },
      mTLS: settings.tls ? {
        enabled: true,
        certificateBoundAccessTokens: true,
        selfSignedTlsClientAuth: true,
        tlsClientAuth: true,
        getCertificate: certificateOf,
        certificateAuthorized: (ctx) => ctx.socket.authorized,
        certificateSubjectMatches: (ctx, property, expected) =>
          property === 'tls_client_auth_subject_dn'
          && new X509Certificate(certificateOf(ctx)).subject.replace(/\n/g, ',') === expected,
      } : { enabled: false },
      pushedAuthorizationRequests: { enabled: true },
      registration: { enabled: true, initialAccessToken: 'initial-access-token-of-the-tests' },
      registrationManagement: { enabled: true, rotateRegistrationAccessToken: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => undefined,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: SCOPES.join(' '),
          audience: 'orders',
          accessTokenFormat: 'jwt',
          accessTokenTTL: 600,
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
      revocation: { enabled: true, allowedPolicy: (ctx, client, token) => token.clientId === client.clientId },
    },
  };
}

// RFC 8693, as far as the gateway uses it: an opaque token of ours becomes a JWT for the resource. The server brings no
// such grant of its own, but the place for it.
async function exchange(ctx) {
  const { params, provider, client } = ctx.oidc;
  const subject = await provider.ClientCredentials.find(params.subject_token ?? '');
  if (!subject || params.subject_token_type !== 'urn:ietf:params:oauth:token-type:access_token') {
    ctx.status = 400;
    ctx.body = { error: 'invalid_grant', error_description: 'the subject token is not good' };
    return;
  }
  const token = new provider.ClientCredentials({ client, scope: params.scope });
  token.resourceServer = new provider.ResourceServer(RESOURCE, configuration({}, []).features.resourceIndicators.getResourceServerInfo());
  ctx.body = {
    access_token: await token.save(),
    issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    token_type: 'Bearer',
    expires_in: token.expiration,
    scope: params.scope,
  };
}

function newProvider(issuer, settings, keys) {
  const provider = new Provider(issuer, configuration(settings, keys));
  provider.on('server_error', (ctx, error) => console.error(error));
  provider.registerGrantType(EXCHANGE, exchange, ['subject_token', 'subject_token_type', 'scope', 'resource']);
  return provider;
}

async function listen(server) {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server.address().port;
}

async function bodyOf(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return JSON.parse(Buffer.concat(parts).toString() || '{}');
}

async function main(settings) {
  const counts = new Map();
  let paused = false;
  let keys = [newKey()];
  let handle;
  const answer = (request, response) => {
    const path = request.url.split('?')[0];
    counts.set(path, (counts.get(path) ?? 0) + 1);
    if (paused) return request.socket.destroy();
    return path.startsWith('/login/') ? login(request, response) : handle(request, response);
  };
  const server = settings.tls
    ? https.createServer({
      cert: readFileSync(settings.tls.certificate),
      key: readFileSync(settings.tls.key),
      ca: readFileSync(settings.tls.ca),
      requestCert: true,
      rejectUnauthorized: false,
    }, answer)
    : http.createServer(answer);
  const port = await listen(server);
  const issuer = `${settings.tls ? 'https' : 'http'}://127.0.0.1:${port}`;
  let provider;
  const mount = () => {
    provider = newProvider(issuer, settings, keys);
    handle = provider.callback();
  };
  // Whom `login_hint` names is logged in, for nobody looks on.
  const login = async (request, response) => {
    const { params } = await provider.interactionDetails(request, response);
    await provider.interactionFinished(request, response, { login: { accountId: params.login_hint } });
  };
  mount();

  const control = http.createServer(async (request, response) => {
    const asked = await bodyOf(request);
    let said = {};
    if (request.url === '/rotate') {
      const [current] = keys;
      keys = asked.retire ? [newKey()] : [newKey(), current];
      mount();
      said = { key_ids: keys.map(({ kid }) => kid) };
    } else if (request.url === '/count') {
      said = { count: counts.get(asked.path) ?? 0 };
    } else if (request.url === '/pause') {
      paused = asked.paused;
    }
    response.end(JSON.stringify(said));
  });
  console.log(JSON.stringify({ issuer, control: await listen(control) }));
}

const lines = createInterface({ input: process.stdin });
lines.once('line', (line) => main(JSON.parse(line)));
lines.once('close', () => process.exit(0));
