// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {
    ERC20TransferAuthorization
} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20TransferAuthorization.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {Votes} from "@openzeppelin/contracts/governance/utils/Votes.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";
import {NoncesKeyed} from "@openzeppelin/contracts/utils/NoncesKeyed.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @title OPEN, the token that pays for inference, rewards contributors and votes.
/// @notice The whole supply is minted once, to the grants given at deployment. Nobody can mint afterwards.
/// Tokens move by permit (ERC-2612) and by signed authorization (ERC-3009, of accounts and of
/// contract wallets); they vote once their holder has named a delegate, who may be the holder.
contract OpenToken is ERC20, ERC20Burnable, ERC20Permit, ERC20Votes, ERC20TransferAuthorization {
    using Checkpoints for Checkpoints.Trace208;

    /// @notice One allocation of the initial supply, in wei (1e-18 OPEN).
    struct Grant {
        address to;
        uint256 amount;
    }

    /// @notice Fixed supply in wei: one billion OPEN.
    uint256 public constant SUPPLY = 1e27;

    /// @dev Everything held by accounts that have a delegate, over time.
    Checkpoints.Trace208 private _totalDelegated;

    /// @dev Grants that leave a remainder, or overspend, are a mistake that could never be repaired later.
    error GrantsDoNotSumToSupply(uint256 granted, uint256 supply);

    constructor(Grant[] memory grants) ERC20("OpenLedger", "OPEN") ERC20Permit("OpenLedger") {
        uint256 granted;
        for (uint256 i; i < grants.length; ++i) {
            granted += grants[i].amount;
            _mint(grants[i].to, grants[i].amount);
        }
        if (granted != SUPPLY) revert GrantsDoNotSumToSupply(granted, SUPPLY);
    }

    /// @notice Votes that some delegate could cast now, in wei.
    function totalDelegated() external view returns (uint256) {
        return _totalDelegated.latest();
    }

    /// @notice Votes that some delegate could cast at a past time: the sum of `getPastVotes` over all delegates.
    function getPastTotalDelegated(uint256 timepoint) external view returns (uint256) {
        return _totalDelegated.upperLookupRecent(_validateTimepoint(timepoint));
    }

    /// @inheritdoc Votes
    /// @dev Seconds: blocks of a rollup have no fixed length.
    function clock() public view override returns (uint48) {
        return SafeCast.toUint48(block.timestamp);
    }

    /// @inheritdoc Votes
    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() public pure override returns (string memory) {
        return "mode=timestamp";
    }

    /// @inheritdoc ERC20Permit
    function nonces(address owner) public view override(ERC20Permit, Nonces) returns (uint256) {
        return super.nonces(owner);
    }

    /// @inheritdoc ERC3009
    function authorizationState(address authorizer, bytes32 nonce)
        public
        view
        override
        returns (bool)
    {
        return ERC3009.authorizationState(authorizer, nonce);
    }

    /// @dev Random nonces, as ERC-3009 and x402 clients draw them; the keyed ones of the extension would refuse
    /// every nonce whose low 64 bits are not the next of their key, and share key 0 with permits.
    function _consumeNonce(address authorizer, bytes32 nonce)
        internal
        override
    {
        ERC3009._consumeNonce(authorizer, nonce);
    }

    function _useCheckedNonce(address owner, uint256 nonce) internal override(Nonces, NoncesKeyed) {
        Nonces._useCheckedNonce(owner, nonce);
    }

    function _update(address from, address to, uint256 value) internal override(ERC20, ERC20Votes) {
        super._update(from, to, value);
    }

    function _delegate(address account, address delegatee) internal override {
        bool counted = delegates(account) != address(0);
        super._delegate(account, delegatee);
        _recount(counted, delegatee != address(0), _getVotingUnits(account));
    }

    function _transferVotingUnits(address from, address to, uint256 amount) internal override {
        super._transferVotingUnits(from, to, amount);
        _recount(delegates(from) != address(0), delegates(to) != address(0), amount);
    }

    /// @dev Moves `amount` into or out of the delegated total when only one side of a change has a delegate.
    function _recount(bool before, bool afterwards, uint256 amount) private {
        if (before == afterwards || amount == 0) return;
        uint208 total = _totalDelegated.latest();
        uint208 moved = SafeCast.toUint208(amount);
        _totalDelegated.push(clock(), afterwards ? total + moved : total - moved);
    }
}
