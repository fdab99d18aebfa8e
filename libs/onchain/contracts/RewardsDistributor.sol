// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IRewardsDistributor} from "./IRewardsDistributor.sol";

/// @title Pays contributors by cumulative Merkle roots that strangers may stop.
/// @notice A leaf is (account, everything ever earned). A claim pays the leaf less what was paid before, so an
/// old root stays safe to claim against and a claim never races the next root. A root waits for `activationDelay`
/// before it pays; meanwhile anyone may contest it with a bond and a guardian may disable it. A disabled root
/// takes every later root with it and gives its number back. No key, governance included, can take money out in
/// any other way than by a claim.
contract RewardsDistributor is AccessManaged, IRewardsDistributor {
    using SafeERC20 for IERC20;

    /// @notice Roots that may wait for their activation at a time.
    uint40 public constant MAX_PENDING = 32;

    /// @notice The token paid.
    IERC20 public immutable token;
    /// @notice Seconds between posting a root and the first claim against it; challenges are open as long.
    uint40 public immutable activationDelay;
    /// @notice Seconds that the council has to decide a challenge.
    uint40 public immutable resolutionWindow;

    // Packed by who reads together: a claim touches the first slot only, a post all three.
    /// @notice Everything ever paid, in wei.
    uint128 public totalClaimed;
    /// @notice The newest root; 0 before the first.
    uint40 public lastEpoch;
    /// @notice Roots up to this one were confirmed, or needed no confirmation.
    uint40 public confirmedEpoch;
    /// @notice The lowest epoch with an open challenge: it and all later ones do not pay; 0 for none.
    uint40 public contestedFrom;
    /// @notice Whether claims and new roots are stopped.
    bool public paused;

    /// @notice May post roots.
    address public poster;
    /// @notice What a challenger puts at stake, in wei.
    uint96 public challengeBond;

    /// @notice Must confirm each root after recomputing it; zero where no second party does.
    address public confirmer;
    /// @notice Bonds held, in wei; never counted as funds.
    uint96 public bonded;

    /// @notice Receives the bonds of rejected challenges.
    address public treasury;
    /// @notice Challenges ever opened; their numbers start at 1.
    uint32 public challengeCount;

    /// @notice Everything ever paid to an account, in wei.
    mapping(address account => uint256) public claimed;
    /// @notice Who receives an account's claims; zero for the account itself.
    mapping(address account => address) public claimerOf;
    /// @notice The root of each epoch, for ever. Roots after `lastEpoch` were disabled.
    mapping(uint40 epoch => Root) public roots;
    /// @notice Each challenge by its number.
    mapping(uint32 id => Challenge) public challenges;

    modifier whenNotPaused() {
        if (paused) revert ContractPaused();
        _;
    }

    constructor(IERC20 token_, address authority_, Settings memory settings) AccessManaged(authority_) {
        token = token_;
        activationDelay = settings.activationDelay;
        resolutionWindow = settings.resolutionWindow;
        _setPoster(settings.poster);
        _setConfirmer(settings.confirmer);
        _setTreasury(settings.treasury);
        _setChallengeBond(settings.challengeBond);
    }

    /// @notice Publishes the cumulative root of the next epoch; refused if it promises more than is held.
    function postRoot(uint40 epoch, bytes32 root, uint256 total, bytes32 manifest) external whenNotPaused {
        if (msg.sender != poster) revert NotPoster(msg.sender);
        uint40 expected = lastEpoch + 1;
        if (epoch != expected) revert EpochOutOfOrder(epoch, expected);
        if (root == bytes32(0)) revert EmptyRoot();
        if (total > type(uint128).max) revert TotalTooLarge(total);
        // What was paid cannot be unpaid, whatever the root said that paid it.
        uint256 previous = Math.max(roots[epoch - 1].total, totalClaimed);
        if (total < previous) revert TotalDecreased(total, previous);
        // Bounds the search of a rejection, and how far a stolen key can run ahead of those who check.
        if (epoch > MAX_PENDING) {
            uint40 oldest = roots[epoch - MAX_PENDING].activatedAt;
            if (block.timestamp < oldest) revert TooManyPending(epoch - MAX_PENDING, oldest);
        }
        uint256 held = token.balanceOf(address(this)) - bonded;
        uint256 owed = total - totalClaimed;
        if (owed > held) revert Underfunded(owed, held);

        uint40 activatedAt = uint40(block.timestamp) + activationDelay;
        lastEpoch = epoch;
        if (confirmer == address(0)) confirmedEpoch = epoch;
        roots[epoch] = Root(root, manifest, uint128(total), activatedAt, 0);
        emit RootPosted(epoch, root, total, manifest, activatedAt);
    }

    /// @notice States that a second party computed the same root from the published inputs. In order of epochs.
    function confirmRoot(uint40 epoch, bytes32 root) external {
        if (msg.sender != confirmer) revert NotConfirmer(msg.sender);
        _known(epoch);
        if (epoch != confirmedEpoch + 1) revert EpochOutOfOrder(epoch, confirmedEpoch + 1);
        if (root != roots[epoch].root) revert RootChanged(root, roots[epoch].root);
        confirmedEpoch = epoch;
        emit RootConfirmed(epoch, root);
    }

    /// @notice Pays what `account` earned up to `epoch` and was not paid yet. Anyone may call; the money always
    /// goes to `account`, or to whom it named by `setClaimer`.
    function claim(uint40 epoch, address account, uint256 total, bytes32[] calldata proof)
        external
        whenNotPaused
        returns (uint256 amount)
    {
        _known(epoch);
        Root storage entry = roots[epoch];
        if (!isActive(epoch)) revert NotActive(epoch, entry.activatedAt);
        // Hashed twice so that an inner node (64 bytes) can never be passed off as a leaf.
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(account, total))));
        if (!MerkleProof.verifyCalldata(proof, entry.root, leaf)) revert InvalidProof();

        uint256 before = claimed[account];
        if (total <= before) revert NothingToClaim(account, before);
        amount = total - before;
        // Leaves that sum to more than the total they were posted with would reach bonds and later epochs' money.
        uint256 paid = totalClaimed + amount;
        uint256 limit = roots[lastEpoch].total;
        if (paid > limit) revert Overdrawn(paid, limit);
        claimed[account] = total;
        totalClaimed = uint128(paid);
        address recipient = claimerOf[account];
        if (recipient == address(0)) recipient = account;
        emit Claimed(epoch, account, recipient, amount, total);
        token.safeTransfer(recipient, amount);
    }

    /// @notice Names who receives the caller's claims from now on; zero for the caller itself.
    function setClaimer(address claimer) external {
        claimerOf[msg.sender] = claimer;
        emit ClaimerChanged(msg.sender, claimer);
    }

    /// @notice Contests a root before it is active; needs an allowance of `challengeBond`. It and all later roots
    /// pay nothing until the challenge is closed.
    /// @param root What the caller contests, so that a root posted anew is not hit by mistake.
    function challengeRoot(uint40 epoch, bytes32 root, bytes32 evidence) external returns (uint32 id) {
        _known(epoch);
        Root storage entry = roots[epoch];
        if (root != entry.root) revert RootChanged(root, entry.root);
        if (block.timestamp >= entry.activatedAt) revert ChallengeWindowOver(epoch, entry.activatedAt);
        if (entry.challenge != 0) revert AlreadyChallenged(epoch, entry.challenge);
        id = ++challengeCount;
        uint96 bond = challengeBond;
        uint40 decideBy = uint40(block.timestamp) + resolutionWindow;
        challenges[id] = Challenge(msg.sender, bond, epoch, decideBy);
        entry.challenge = id;
        if (contestedFrom == 0 || epoch < contestedFrom) contestedFrom = epoch;
        bonded += bond;
        emit ChallengeOpened(id, epoch, msg.sender, root, evidence, bond, decideBy);
        token.safeTransferFrom(msg.sender, address(this), bond);
    }

    /// @notice The council's decision: upheld disables the root and gives the bond back, rejected lets the root
    /// go on and gives the bond to the treasury.
    function resolveChallenge(uint32 id, bool upheld) external restricted {
        Challenge storage entry = _open(id);
        if (block.timestamp >= entry.decideBy) revert DecidedTooLate(id, entry.decideBy);
        if (upheld) _disableFrom(entry.epoch);
        else _dismiss(entry.epoch);
        _close(id, upheld, true, upheld ? entry.challenger : treasury);
    }

    /// @notice Closes a challenge that the council did not decide in time: the root is disabled and the bond goes
    /// back, so that silence costs nobody money. The poster may post the same root again.
    function expireChallenge(uint32 id) external {
        Challenge storage entry = _open(id);
        if (block.timestamp < entry.decideBy) revert ChallengeStillOpen(id, entry.decideBy);
        _disableFrom(entry.epoch);
        _close(id, true, false, entry.challenger);
    }

    /// @notice Gives a bond back whose root was disabled for another reason.
    function reclaimBond(uint32 id) external {
        Challenge storage entry = challenges[id];
        if (entry.bond == 0) revert ChallengeNotOpen(id);
        if (_contests(id, entry.epoch)) revert ChallengeStillOpen(id, entry.decideBy);
        _close(id, true, false, entry.challenger);
    }

    /// @notice Disables a root that is not active, and all after it.
    function disableRoot(uint40 epoch) external restricted {
        _known(epoch);
        if (isActive(epoch)) revert AlreadyActive(epoch, roots[epoch].activatedAt);
        _disableFrom(epoch);
    }

    /// @notice Names the key that may post roots.
    function setPoster(address poster_) external restricted {
        _setPoster(poster_);
    }

    /// @notice Names the key that must confirm roots. Zero confirms all that are posted.
    function setConfirmer(address confirmer_) external restricted {
        _setConfirmer(confirmer_);
    }

    /// @notice Names who receives the bonds of rejected challenges.
    function setTreasury(address treasury_) external restricted {
        _setTreasury(treasury_);
    }

    /// @notice Sets the bond of challenges opened from now on, in wei.
    function setChallengeBond(uint96 bond) external restricted {
        _setChallengeBond(bond);
    }

    /// @notice Stops claims and new roots; challenges and their closing go on.
    function pause() external restricted {
        paused = true;
        emit Paused(msg.sender);
    }

    /// @notice Resumes claims and new roots.
    function unpause() external restricted {
        paused = false;
        emit Unpaused(msg.sender);
    }

    /// @notice Whether claims against the root of `epoch` are paid. If it is, so is every earlier one.
    function isActive(uint40 epoch) public view returns (bool) {
        if (epoch == 0 || epoch > lastEpoch || epoch > confirmedEpoch) return false;
        if (contestedFrom != 0 && epoch >= contestedFrom) return false;
        return block.timestamp >= roots[epoch].activatedAt;
    }

    function _known(uint40 epoch) private view {
        if (epoch == 0 || epoch > lastEpoch) revert UnknownEpoch(epoch);
    }

    /// A challenge whose root was disabled, or replaced, contests nothing.
    function _contests(uint32 id, uint40 epoch) private view returns (bool) {
        return epoch <= lastEpoch && roots[epoch].challenge == id;
    }

    function _open(uint32 id) private view returns (Challenge storage entry) {
        entry = challenges[id];
        if (entry.bond == 0 || !_contests(id, entry.epoch)) revert ChallengeNotOpen(id);
    }

    /// Later roots build on the disabled one, so they go with it; they are known by being above `lastEpoch`.
    function _disableFrom(uint40 epoch) private {
        emit RootsDisabled(epoch, lastEpoch);
        lastEpoch = epoch - 1;
        if (confirmedEpoch >= epoch) confirmedEpoch = epoch - 1;
        if (contestedFrom >= epoch) contestedFrom = 0;
    }

    function _dismiss(uint40 epoch) private {
        roots[epoch].challenge = 0;
        if (contestedFrom != epoch) return;
        uint40 next = epoch + 1;
        while (next <= lastEpoch && roots[next].challenge == 0) ++next;
        contestedFrom = next <= lastEpoch ? next : 0;
    }

    function _close(uint32 id, bool upheld, bool decided, address recipient) private {
        uint96 bond = challenges[id].bond;
        challenges[id].bond = 0;
        bonded -= bond;
        emit ChallengeClosed(id, upheld, decided, recipient, bond);
        token.safeTransfer(recipient, bond);
    }

    function _setPoster(address poster_) private {
        poster = poster_;
        emit PosterChanged(poster_);
    }

    function _setConfirmer(address confirmer_) private {
        confirmer = confirmer_;
        if (confirmer_ == address(0)) confirmedEpoch = lastEpoch;
        emit ConfirmerChanged(confirmer_);
    }

    function _setTreasury(address treasury_) private {
        if (treasury_ == address(0)) revert ZeroAddress();
        treasury = treasury_;
        emit TreasuryChanged(treasury_);
    }

    function _setChallengeBond(uint96 bond) private {
        if (bond == 0) revert ZeroBond();
        challengeBond = bond;
        emit ChallengeBondChanged(bond);
    }
}
