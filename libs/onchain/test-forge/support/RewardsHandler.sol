// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRewardsDistributor} from "../../contracts/IRewardsDistributor.sol";
import {RewardsDistributor} from "../../contracts/RewardsDistributor.sol";
import {Leaves} from "./Leaves.sol";
import {SoleAuthority} from "./SoleAuthority.sol";
import {Cheats} from "./Test.sol";
import {TestToken} from "./TestToken.sol";

/// @title Everyone who touches a distributor, acting at random; remembers what they were promised and paid.
/// @notice It is poster, council and guardian in one. Some of its roots lie: their leaves sum to more than they say.
contract RewardsHandler is Cheats {
    address internal constant WATCHER = address(0xD00D);
    uint40 internal constant EPOCHS_MAX = 64;

    RewardsDistributor public immutable distributor;
    TestToken public immutable token;
    address[] public people;

    // Ghosts: what must hold, kept apart from the contract's own books.
    uint256 public funded;
    uint256 public lost;
    mapping(address person => uint256) public paid;
    /// @notice The highest leaf of any root that was active when it was looked at.
    mapping(address person => uint256) public promised;
    /// @notice The root of an epoch when it was first seen active.
    mapping(uint40 epoch => bytes32) public settled;
    uint40 public settledUpTo;
    /// @notice What went wrong inside an action, for an invariant to report.
    string public broken;

    mapping(uint40 epoch => uint256[]) private leaves;

    constructor(address treasury, address[] memory people_) {
        token = new TestToken();
        people = people_;
        IRewardsDistributor.Settings memory settings =
            IRewardsDistributor.Settings(address(this), address(0), treasury, 2 days, 3 days, 50e18);
        distributor = new RewardsDistributor(token, address(new SoleAuthority()), settings);
        token.transfer(WATCHER, 1e26);
        vm.prank(WATCHER);
        token.approve(address(distributor), type(uint256).max);
    }

    function fund(uint256 amount) external {
        amount = bound(amount, 1, 1e22);
        token.transfer(address(distributor), amount);
        funded += amount;
    }

    function post(uint256 seed, bool lies) external {
        uint40 epoch = distributor.lastEpoch() + 1;
        if (epoch > EPOCHS_MAX) return;
        uint256[] memory next = new uint256[](people.length);
        // A lie stays in the leaves and never enters a total.
        (,, uint256 total,,) = distributor.roots(epoch - 1);
        for (uint256 i = 0; i < next.length; ++i) {
            uint256 more = uint256(keccak256(abi.encode(seed, i))) % 1e21;
            next[i] = more + (epoch == 1 ? 0 : leaves[epoch - 1][i]);
            total += more;
        }
        if (lies) next[seed % next.length] += 5e21;
        uint256 free = token.balanceOf(address(distributor)) - distributor.bonded();
        uint256 claimed = distributor.totalClaimed();
        bytes32 root = Leaves.root(people, next);
        try distributor.postRoot(epoch, root, total, bytes32(seed)) {
            if (total > claimed + free) broken = "E3: promised more than is held";
            leaves[epoch] = next;
        } catch {}
    }

    function wait(uint256 time) external {
        vm.warp(block.timestamp + bound(time, 1 hours, 20 hours));
        look();
    }

    function claim(uint256 epochSeed, uint256 who) external {
        // Beyond the newest too: the leaves of disabled roots are still known, and must not pay.
        uint40 epoch = uint40(bound(epochSeed, 1, distributor.lastEpoch() + 3));
        if (leaves[epoch].length == 0) return;
        look();
        address person = people[who % people.length];
        uint256 leaf = leaves[epoch][who % people.length];
        uint256 before = token.balanceOf(person);
        bytes32[] memory proof = Leaves.proof(people, leaves[epoch], who % people.length);
        bool active = distributor.isActive(epoch);
        try distributor.claim(epoch, person, leaf, proof) returns (uint256 amount) {
            if (!active) broken = "a root paid that was not active";
            (,, uint128 total,,) = distributor.roots(distributor.lastEpoch());
            if (distributor.totalClaimed() > total) broken = "E3: paid more than any root said";
            if (token.balanceOf(person) - before != amount) broken = "C10: moved another amount than answered";
            paid[person] += amount;
        } catch {}
    }

    function challenge(uint256 epochSeed) external {
        uint40 epoch = _recent(epochSeed);
        (bytes32 root,,,,) = distributor.roots(epoch);
        vm.prank(WATCHER);
        try distributor.challengeRoot(epoch, root, 0) {} catch {}
    }

    function resolve(uint256 seed, bool upheld) external {
        uint32 id = _recentChallenge(seed);
        (, uint96 bond,,) = distributor.challenges(id);
        try distributor.resolveChallenge(id, upheld) {
            if (!upheld) lost += bond;
        } catch {}
    }

    function expire(uint256 seed) external {
        try distributor.expireChallenge(_recentChallenge(seed)) {} catch {}
    }

    function reclaim(uint256 seed) external {
        try distributor.reclaimBond(_recentChallenge(seed)) {} catch {}
    }

    function disable(uint256 epochSeed) external {
        uint40 epoch = _recent(epochSeed);
        bool active = distributor.isActive(epoch);
        try distributor.disableRoot(epoch) {
            if (active) broken = "an active root was disabled";
        } catch {}
    }

    /// @notice Notes which roots are active, and what they promise.
    function look() public {
        while (distributor.isActive(settledUpTo + 1)) {
            (bytes32 root,,,,) = distributor.roots(++settledUpTo);
            settled[settledUpTo] = root;
            for (uint256 i = 0; i < people.length; ++i) {
                if (leaves[settledUpTo][i] > promised[people[i]]) promised[people[i]] = leaves[settledUpTo][i];
            }
        }
    }

    function headcount() external view returns (uint256) {
        return people.length;
    }

    /// @notice Bonds that should be held, by each challenge.
    function openBonds() external view returns (uint256 sum) {
        for (uint32 id = 1; id <= distributor.challengeCount(); ++id) {
            (, uint96 bond,,) = distributor.challenges(id);
            sum += bond;
        }
    }

    /// @dev One of the newest roots, which are those that can be stopped, or the next.
    function _recent(uint256 seed) private view returns (uint40) {
        uint256 last = distributor.lastEpoch();
        return uint40(bound(seed, last > 3 ? last - 3 : 1, last + 1));
    }

    function _recentChallenge(uint256 seed) private view returns (uint32) {
        uint256 last = distributor.challengeCount();
        return uint32(bound(seed, last > 3 ? last - 3 : 1, last + 1));
    }
}
