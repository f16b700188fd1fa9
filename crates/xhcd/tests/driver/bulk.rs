use crate::echo::{BULK_IN, BULK_OUT, Echo, Flaky, INTERRUPT_IN};
use crate::world::{World, millis};
use kernel_sim::TaskKind;
use offload_core::UsbDevice;
use std::rc::Rc;
use usb_spec::SetupPacket;
use xhcd::{Hcd, UrbError};

fn start(world: &World) -> (Hcd, Rc<UsbDevice>) {
    world.plug(1, Flaky::new());
    world.start_with("1-1")
}

fn echo<T>(world: &World, look: impl FnOnce(&mut Echo) -> T) -> T {
    world.device(1, |flaky: &mut Flaky| look(flaky.echo.function_mut()))
}

fn pattern(bytes: usize) -> Vec<u8> {
    (0..=250).cycle().take(bytes).collect()
}

#[test] // req: RNG-09, RNG-13, RNG-14, RNG-24, RNG-11, RNG-19
fn bulk_transfers_of_any_length_come_back_as_they_went() {
    let world = World::default();
    let (hcd, device) = start(&world);
    let bus = world.bus.clone();
    world.run(async move {
        let before = bus.dma_bytes_in_use();
        for length in [0, 1, 511, 512, 513, 65_535, 65_536, 65_537, 200_000] {
            let sent = pattern(length);
            assert_eq!(hcd.transfer_out(&device, BULK_OUT, &sent, None).await, Ok(length));
            if length > 0 {
                // Room for more than what comes: a short packet ends it, wherever it falls.
                let mut received = vec![0; length + 100];
                let moved = hcd.transfer_in(&device, BULK_IN, &mut received, Some(millis(500))).await;
                if length % 512 == 0 {
                    assert_eq!(moved, Err(UrbError::TimedOut), "no short packet came");
                } else {
                    assert_eq!(moved, Ok(length));
                    assert_eq!(received[..length], sent);
                }
            }
        }
        assert_eq!(bus.dma_bytes_in_use(), before);
    });
}

#[test] // req: XFR-02, XFR-08, CMD-38, EPS-04, EPS-09
fn a_stalled_endpoint_works_again_after_clear_halt() {
    let world = World::default();
    let (hcd, device) = start(&world);
    echo(&world, |echo| echo.stalls = true);
    {
        let (hcd, device) = (hcd.clone(), device.clone());
        world.run(async move {
            assert_eq!(hcd.transfer_out(&device, BULK_OUT, &[1; 600], None).await, Err(UrbError::Stall));
        });
    }
    echo(&world, |echo| echo.stalls = false);
    world.run(async move {
        let clear = SetupPacket::clear_endpoint_halt(BULK_OUT);
        hcd.control_out(&device, clear, &[]).await.unwrap();
        assert_eq!(hcd.transfer_out(&device, BULK_OUT, &[2; 600], None).await, Ok(600));
    });
    assert!(echo(&world, |echo| echo.bytes.iter().all(|&byte| byte == 2) && echo.bytes.len() == 600));
}

#[test] // req: XFR-03, XFR-09, DRV-04, CMD-39
fn transaction_errors_are_tried_again_with_the_data_toggle_kept() {
    // Three tries by the controller, and three soft retries by the driver of three tries each.
    for (silent, result) in [(2, Ok(1200)), (3, Ok(1200)), (11, Ok(1200)), (12, Err(UrbError::Protocol))] {
        let world = World::default();
        let (hcd, device) = start(&world);
        world.device(1, |flaky: &mut Flaky| flaky.silent = silent);
        let sent = pattern(1200);
        let data = sent.clone();
        let (sender, target) = (hcd.clone(), device.clone());
        let moved = world.run(async move { sender.transfer_out(&target, BULK_OUT, &data, None).await });
        assert_eq!(moved, result, "{silent} packets without an answer");
        if result.is_ok() {
            let came: Vec<u8> = echo(&world, |echo| echo.bytes.drain(..).collect());
            assert_eq!(came, sent, "nothing is lost and nothing comes twice");
        }
    }
}

#[test] // req: DRV-03, XFR-20, XFR-26, CMD-41, CMD-44
fn a_transfer_that_timed_out_makes_way_for_the_next() {
    let world = World::default();
    let (hcd, device) = start(&world);
    let mut waiting = Vec::new();
    for timeout in [50, 20, 500] {
        let (hcd, device) = (hcd.clone(), device.clone());
        waiting.push(world.kernel.spawn(TaskKind::Kernel, "reader", async move {
            let mut bytes = [0; 64];
            let moved = hcd.transfer_in(&device, BULK_IN, &mut bytes, Some(millis(timeout))).await?;
            Ok::<_, UrbError>(bytes[..moved].to_vec())
        }));
    }
    // The second of three gives up first, then the first; what comes then is the third's.
    world.settle(millis(100));
    assert_eq!(waiting[0].try_take(), Some(Err(UrbError::TimedOut)));
    assert_eq!(waiting[1].try_take(), Some(Err(UrbError::TimedOut)));
    assert!(!waiting[2].is_finished());
    echo(&world, |echo| echo.bytes.extend([7, 8, 9]));
    world.settle(millis(10));
    assert_eq!(waiting[2].try_take(), Some(Ok(vec![7, 8, 9])));
    world.run(async move {
        let mut bytes = [0; 8];
        hcd.transfer_out(&device, BULK_OUT, &[5; 4], None).await.unwrap();
        assert_eq!(hcd.transfer_in(&device, BULK_IN, &mut bytes, None).await, Ok(4));
    });
}

#[test] // req: XFR-16, CTX-15, CTX-16
fn an_interrupt_endpoint_is_asked_every_interval_until_it_answers() {
    let world = World::default();
    let (hcd, device) = start(&world);
    let kernel = world.kernel.clone();
    let reader = world.kernel.spawn(TaskKind::Kernel, "reader", async move {
        let mut bytes = [0; 8];
        let moved = hcd.transfer_in(&device, INTERRUPT_IN, &mut bytes, None).await;
        (moved, bytes[0], kernel.now())
    });
    world.settle(millis(3000));
    assert!(!reader.is_finished());
    echo(&world, |echo| echo.alarm = Some(42));
    let rung = world.kernel.now();
    world.settle(millis(5));
    let (moved, value, at) = reader.try_take().unwrap();
    assert_eq!((moved, value), (Ok(1), 42));
    // bInterval 4 at high speed is 1 ms; interrupts are moderated by 40 us.
    assert!(at - rung < millis(2), "{}", at - rung);
}

#[test]
fn transfers_to_endpoints_that_are_not_there_are_refused() {
    let world = World::default();
    let (hcd, device) = start(&world);
    world.run(async move {
        let nowhere = usb_spec::EndpointAddress(0x05);
        assert_eq!(hcd.transfer_out(&device, nowhere, &[1], None).await, Err(UrbError::NoDevice));
        assert_eq!(hcd.transfer_in(&device, BULK_OUT, &mut [1], None).await, Err(UrbError::Invalid));
        assert_eq!(hcd.isoch_open(&device, BULK_OUT).map(drop), Err(UrbError::Invalid));
    });
}
