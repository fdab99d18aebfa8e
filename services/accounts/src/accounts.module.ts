import { type DynamicModule, Module } from '@nestjs/common';
import { SCOPES } from '@openledger/auth';
import { loadConfig } from '@openledger/config';
import type { Composition, Host } from '@openledger/service-host';
import { Authenticate } from './application/authenticate.js';
import { CreateApiKey } from './application/create-api-key.js';
import { CreateOrganisation } from './application/create-organisation.js';
import { LogIn } from './application/log-in.js';
import { AccountsStore } from './application/ports.js';
import { RevokeCredential } from './application/revoke-credential.js';
import { AccountsConfig } from './config.js';
import { accountsGrpc } from './inbound/accounts-grpc.js';
import { ApiKeysController } from './inbound/api-keys.controller.js';
import { LocalAuthenticator } from './inbound/local-authenticator.js';
import { PeopleController } from './inbound/people.controller.js';
import { SiweController } from './inbound/siwe.controller.js';
import { EthersWallets } from './outbound/ethers-wallets.js';
import { HmacSecrets } from './outbound/hmac-secrets.js';
import { PostgresAccountsStore } from './outbound/postgres-accounts-store.js';

@Module({})
class AccountsModule {}

/** Puts the service together on a host. */
export function compose({ env, database, clock, log, serviceToken }: Host): Composition {
  const config = loadConfig(AccountsConfig, env);
  const store = new PostgresAccountsStore(database);
  const secrets = new HmacSecrets(config.API_KEY_PEPPER);
  const site = { domain: config.SIWE_DOMAIN, uri: config.SIWE_URI, chainId: config.CHAIN_ID };
  const grants = {
    scopes: SCOPES,
    operatorScopes: new Set(['settlement:operate']),
    operatorWallets: config.OPERATOR_WALLETS,
  };
  const authenticate = new Authenticate({ store, secrets, clock, grants });
  const wallets = new EthersWallets();
  const module: DynamicModule = {
    module: AccountsModule,
    controllers: [SiweController, PeopleController, ApiKeysController],
    providers: [
      { provide: AccountsStore, useValue: store },
      { provide: LogIn, useValue: new LogIn({ store, secrets, wallets, clock, site }) },
      { provide: CreateOrganisation, useValue: new CreateOrganisation(store, clock) },
      { provide: CreateApiKey, useValue: new CreateApiKey(store, secrets, clock) },
      { provide: RevokeCredential, useValue: new RevokeCredential(store, clock) },
    ],
  };
  return {
    module,
    authenticator: new LocalAuthenticator(authenticate),
    grpc: [accountsGrpc({ log, serviceToken }, authenticate)],
  };
}
