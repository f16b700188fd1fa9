//! Register fields against the bit positions of the requirement list.

use xhci_spec::registers::capability::{
    CaplengthHciversion, Hccparams1, Hccparams2, Hcsparams1, Hcsparams2, Ist,
};
use xhci_spec::registers::doorbell::{self, Doorbell};
use xhci_spec::registers::extended::{ProtocolPorts, Usblegctlsts, Usblegsup};
use xhci_spec::registers::operational::{Config, Crcr, Usbcmd, Usbsts};
use xhci_spec::registers::port::{self, Porthlpmc, Portli, PortpmscUsb2, PortpmscUsb3, Portsc};
use xhci_spec::registers::runtime::{self, Erdp, Iman, Imod, Mfindex};
use xhci_spec::{Dci, FrameId, Gpa, InterrupterId, PortId, PortLinkState, SlotId};

/// Checks that each field is at `high:low` and nowhere else: it reads as with all bits set when only those are,
/// and as with no bit set when all others are.
macro_rules! bits {
    ($register:ident: $($field:ident = $high:literal : $low:literal;)*) => {
        $(
            let field = (u32::MAX >> (31 - $high)) & (u32::MAX << $low);
            let read = |bits: u32| $register::from_bits(bits).$field();
            let place = concat!(stringify!($register), "::", stringify!($field));
            assert_eq!(read(field), read(u32::MAX), "{place}");
            assert_eq!(read(!field), read(0), "{place}");
            assert_ne!(read(field), read(0), "{place}");
        )*
    };
}

// req: CAP-01, CAP-02, CAP-03, CAP-05, CAP-10, CAP-23
#[test]
fn capability_registers() {
    bits! { CaplengthHciversion:
        caplength = 7:0;
        hciversion = 31:16;
    }
    bits! { Hcsparams1:
        max_slots = 7:0;
        max_intrs = 18:8;
        max_ports = 31:24;
    }
    bits! { Hcsparams2:
        ist = 3:0;
        erst_max = 7:4;
        max_scratchpad_hi = 25:21;
        spr = 26:26;
        max_scratchpad_lo = 31:27;
    }
    bits! { Hccparams1:
        ac64 = 0:0;
        csz = 2:2;
        ppc = 3:3;
        pae = 8:8;
        cfc = 11:11;
        max_psa_size = 15:12;
        xecp = 31:16;
    }
    bits! { Hccparams2:
        u3c = 0:0;
        cic = 5:5;
        etc_tsc = 7:7;
        vtc = 9:9;
    }
}

// req: CAP-06, CAP-08
#[test]
fn thresholds_and_scratchpads() {
    let register = Hcsparams2::new().with_ist(Ist::from_frames(1)).with_max_scratchpads(1023);
    assert_eq!(register.into_bits(), 0xFBE0_0009);
    assert_eq!((register.ist().microframes(), register.max_scratchpads()), (8, 1023));
    assert_eq!(Ist::from_bits(5).microframes(), 5);
    assert_eq!(Ist::from_microframes(5).into_bits(), 5);
    assert_eq!(Hcsparams2::new().with_max_scratchpads(33).into_bits(), 0x0820_0000);
}

// req: OPR-11, OPR-26, OPR-34, OPR-42
#[test]
fn operational_registers() {
    bits! { Usbcmd:
        rs = 0:0;
        hcrst = 1:1;
        inte = 2:2;
        hsee = 3:3;
        lhcrst = 7:7;
        css = 8:8;
        crs = 9:9;
        ewe = 10:10;
        eu3s = 11:11;
        cme = 13:13;
        ete = 14:14;
        tsc_en = 15:15;
        vtioe = 16:16;
    }
    bits! { Usbsts:
        hch = 0:0;
        hse = 2:2;
        eint = 3:3;
        pcd = 4:4;
        sss = 8:8;
        rss = 9:9;
        sre = 10:10;
        cnr = 11:11;
        hce = 12:12;
    }
    assert_eq!(Usbsts::W1C.into_bits(), 1 << 2 | 1 << 3 | 1 << 4 | 1 << 10);
    bits! { Config:
        max_slots_en = 7:0;
        u3e = 8:8;
        cie = 9:9;
    }
    let crcr = Crcr::new().with_pointer(Gpa(0x1_2345_6789_ABFF)).with_rcs(true).with_ca(true).with_crr(true);
    assert_eq!(crcr.into_bits(), 0x1_2345_6789_ABCD, "bits 5:0 of the pointer are dropped");
    assert_eq!(crcr.pointer(), Gpa(0x1_2345_6789_ABC0));
    assert!(!crcr.cs());
}

// req: PRT-01, PRT-02, PRT-36, PRT-37, PRT-38, PRT-40
#[test]
fn port_registers() {
    bits! { Portsc:
        ccs = 0:0;
        ped = 1:1;
        oca = 3:3;
        pr = 4:4;
        pls = 8:5;
        pp = 9:9;
        speed = 13:10;
        pic = 15:14;
        lws = 16:16;
        csc = 17:17;
        pec = 18:18;
        wrc = 19:19;
        occ = 20:20;
        prc = 21:21;
        plc = 22:22;
        cec = 23:23;
        cas = 24:24;
        wce = 25:25;
        wde = 26:26;
        woe = 27:27;
        dr = 30:30;
        wpr = 31:31;
    }
    bits! { PortpmscUsb2:
        l1s = 2:0;
        rwe = 3:3;
        besl = 7:4;
        l1_device_slot = 15:8;
        hle = 16:16;
        port_test_control = 31:28;
    }
    bits! { PortpmscUsb3:
        u1_timeout = 7:0;
        u2_timeout = 15:8;
        fla = 16:16;
    }
    bits! { Portli:
        link_error_count = 15:0;
        rx_lane_count = 19:16;
        tx_lane_count = 23:20;
    }
    bits! { Porthlpmc:
        hirdm = 1:0;
        l1_timeout = 9:2;
        besld = 13:10;
    }
}

// req: PRT-03, PRT-57, OPR-43
#[test]
fn a_neutral_write_changes_nothing() {
    let everything = Portsc::from_bits(u32::MAX);
    let neutral = everything.neutral();
    assert_eq!(neutral.changes().into_bits(), 0);
    assert!(!neutral.ped() && !neutral.pr() && !neutral.wpr() && !neutral.lws());
    assert!(neutral.pp() && neutral.wce() && neutral.wde() && neutral.woe() && neutral.pic() == 3);

    let change_bits = (17..=23).map(|bit| Portsc::from_bits(1 << bit));
    assert!(change_bits.into_iter().all(Portsc::has_changes));
    assert!(!Portsc::from_bits(!Portsc::CHANGES.into_bits()).has_changes());
    assert_eq!(everything.changes(), Portsc::CHANGES);

    assert_eq!(port::port_offset(PortId::new(1).unwrap()), 0x400);
    assert_eq!(port::port_offset(PortId::new(255).unwrap()), 0x13E0);
    assert_eq!(PortLinkState(12).to_string(), "PortLinkState(12)");
}

// req: RTS-01, RTS-04, RTS-05, RTS-09, OPR-10
#[test]
fn runtime_registers() {
    bits! { Iman:
        ip = 0:0;
        ie = 1:1;
    }
    bits! { Imod:
        interval = 15:0;
        counter = 31:16;
    }
    assert_eq!(Imod::RESET.into_bits(), 0xFA0);
    let mfindex = Mfindex::from_bits(0xFFFF_FFFF).with_microframe_index(0x3FF9);
    assert_eq!((mfindex.microframe_index(), mfindex.frame()), (0x3FF9, FrameId::new(0x7FF)));
    let erdp = Erdp::new().with_dequeue(Gpa(0x1234_5678_9ABC_DEFF)).with_ehb(true).with_desi(5);
    assert_eq!(erdp.into_bits(), 0x1234_5678_9ABC_DEFD);
    assert_eq!(erdp.dequeue(), Gpa(0x1234_5678_9ABC_DEF0));
    assert_eq!(runtime::interrupter_offset(InterrupterId(0)), 0x20);
    assert_eq!(runtime::interrupter_offset(InterrupterId(1023)), 0x8000);
}

// req: DBS-01, DBS-03
#[test]
fn doorbells() {
    let doorbell = Doorbell::endpoint(Dci::from_endpoint(1, true).unwrap()).with_stream_id(0x1234);
    assert_eq!(doorbell.into_bits(), 0x1234_0003);
    assert_eq!(Doorbell::COMMAND.into_bits(), 0);
    assert_eq!(doorbell::slot_offset(SlotId::new(255).unwrap()), 1020);
}

// req: EXT-03, EXT-05, EXT-06, EXT-08, EXT-09
#[test]
fn extended_capabilities() {
    bits! { Usblegsup:
        bios_owned = 16:16;
        os_owned = 24:24;
    }
    bits! { Usblegctlsts:
        usb_smi_enable = 0:0;
        smi_on_host_system_error_enable = 4:4;
        smi_on_os_ownership_enable = 13:13;
        smi_on_pci_command_enable = 14:14;
        smi_on_bar_enable = 15:15;
        smi_on_event_interrupt = 16:16;
        smi_on_host_system_error = 20:20;
        smi_on_os_ownership_change = 29:29;
        smi_on_pci_command = 30:30;
        smi_on_bar = 31:31;
    }
    bits! { ProtocolPorts:
        hso = 17:17;
        ihi = 18:18;
        hlc = 19:19;
        blc = 20:20;
        lsecc = 24:24;
        mhd = 27:25;
        psic = 31:28;
    }
    let last_ports = ProtocolPorts::new().with_offset(254).with_count(2);
    let contains = |port| last_ports.contains(PortId::new(port).unwrap());
    assert!(!contains(1) && !contains(253) && contains(254) && contains(255));
}
