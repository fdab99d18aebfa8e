import { connect, deploy, developmentWallet, LOCAL_CHAIN_ID } from '@openledger/onchain';

/** Puts the contracts on the local chain, at the addresses that compose.yaml names; again does no harm. */
const SUPPLY_WEI = 10n ** 27n;
const provider = connect(process.env.CHAIN_RPC_URL ?? 'http://chain:8545', LOCAL_CHAIN_ID);
const deployer = developmentWallet(0).connect(provider);
const operator = developmentWallet(1).address;
console.log(await deploy(deployer, [{ to: deployer.address, amountWei: SUPPLY_WEI }], { operator }));
provider.destroy();
